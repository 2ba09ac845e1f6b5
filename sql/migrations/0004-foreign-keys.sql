-- No orphan (A4), no level that does not exist (A5), no negative figure (A9). What stands in
-- the way goes to the quarantine or is put right there, and the quarantine keeps it as found.

-- Orphans leave.
insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before)
select
    '0004',
    'specialization_progress',
    format('orphan: user %s or specialization %s does not exist', progress.student_id, progress.specialization_id),
    progress.id::text,
    to_jsonb(progress)
from lockstep.specialization_progress as progress
where not exists (select from lockstep.users as person where person.id = progress.student_id)
    or not exists (
        select from lockstep.specializations as specialization
        where specialization.id = progress.specialization_id
    );

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before)
select
    '0004',
    'user_licenses',
    format('orphan: user %s or specialization %s does not exist', license.user_id, license.specialization_type),
    license.id::text,
    to_jsonb(license)
from lockstep.user_licenses as license
where not exists (select from lockstep.users as person where person.id = license.user_id)
    or not exists (
        select from lockstep.specializations as specialization
        where specialization.id = license.specialization_type
    );

delete from lockstep.specialization_progress as progress
using lockstep.quarantine as quarantine
where quarantine.migration = '0004'
    and quarantine.table_name = 'specialization_progress'
    and progress.student_id = quarantine.user_id
    and progress.id = quarantine.row_id::bigint;

delete from lockstep.user_licenses as license
using lockstep.quarantine as quarantine
where quarantine.migration = '0004'
    and quarantine.table_name = 'user_licenses'
    and license.user_id = quarantine.user_id
    and license.id = quarantine.row_id::bigint;

-- A level that does not exist becomes the nearest one that does; a figure that is
-- negative, missing or no number becomes 0; the highest level achieved is at least the level held.
with mended as (
    select
        progress.id,
        to_jsonb(progress) as row_before,
        to_jsonb(progress) || jsonb_build_object(
            'current_level', least(greatest(coalesce(progress.current_level, 1), 1), specialization.max_levels),
            'total_xp', greatest(coalesce(progress.total_xp, 0), 0),
            'completed_sessions', greatest(coalesce(progress.completed_sessions, 0), 0),
            'completed_projects', greatest(coalesce(progress.completed_projects, 0), 0),
            'theory_hours_completed', greatest(coalesce(nullif(progress.theory_hours_completed, 'NaN'), 0), 0),
            'practice_hours_completed', greatest(coalesce(nullif(progress.practice_hours_completed, 'NaN'), 0), 0)
        ) as row_after
    from lockstep.specialization_progress as progress
    inner join lockstep.specializations as specialization
        on specialization.id = progress.specialization_id
)

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after)
select
    '0004',
    'specialization_progress',
    'impossible level or negative figure',
    mended.id::text,
    mended.row_before,
    mended.row_after
from mended
where mended.row_before <> mended.row_after;

with mended as (
    select
        license.id,
        to_jsonb(license) as row_before,
        to_jsonb(license) || jsonb_build_object(
            'current_level', level.held,
            'max_achieved_level',
            least(greatest(coalesce(license.max_achieved_level, 1), level.held), specialization.max_levels)
        ) as row_after
    from lockstep.user_licenses as license
    inner join lockstep.specializations as specialization
        on specialization.id = license.specialization_type
    cross join lateral (
        select least(greatest(coalesce(license.current_level, 1), 1), specialization.max_levels) as held
    ) as level
)

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after)
select
    '0004',
    'user_licenses',
    'impossible level, or highest level below the level held',
    mended.id::text,
    mended.row_before,
    mended.row_after
from mended
where mended.row_before <> mended.row_after;

update lockstep.specialization_progress as progress
set current_level = (quarantine.row_after ->> 'current_level')::integer,
    total_xp = (quarantine.row_after ->> 'total_xp')::bigint,
    completed_sessions = (quarantine.row_after ->> 'completed_sessions')::integer,
    completed_projects = (quarantine.row_after ->> 'completed_projects')::integer,
    theory_hours_completed = (quarantine.row_after ->> 'theory_hours_completed')::numeric,
    practice_hours_completed = (quarantine.row_after ->> 'practice_hours_completed')::numeric
from lockstep.quarantine as quarantine
where quarantine.migration = '0004'
    and quarantine.table_name = 'specialization_progress'
    and quarantine.row_after is not null
    and progress.student_id = quarantine.user_id
    and progress.id = quarantine.row_id::bigint;

update lockstep.user_licenses as license
set current_level = (quarantine.row_after ->> 'current_level')::integer,
    max_achieved_level = (quarantine.row_after ->> 'max_achieved_level')::integer
from lockstep.quarantine as quarantine
where quarantine.migration = '0004'
    and quarantine.table_name = 'user_licenses'
    and quarantine.row_after is not null
    and license.user_id = quarantine.user_id
    and license.id = quarantine.row_id::bigint;

-- Keys of an older system to the same tables, with CASCADE or another name, go.
do $$
declare
    v_constraint record;
begin
    for v_constraint in
        select con.conrelid::regclass as table_name, con.conname
        from pg_catalog.pg_constraint as con
        where con.contype = 'f'
            and con.conrelid in ('lockstep.specialization_progress'::regclass, 'lockstep.user_licenses'::regclass)
    loop
        execute format('alter table %s drop constraint %I', v_constraint.table_name, v_constraint.conname);
    end loop;
end
$$;

alter table lockstep.specialization_levels
add constraint fk_specialization_levels_specialization
foreign key (specialization_id) references lockstep.specializations (id) on delete restrict;

alter table lockstep.specialization_progress
add constraint fk_specialization_progress_user
foreign key (student_id) references lockstep.users (id) on delete restrict,
add constraint fk_specialization_progress_spec
foreign key (specialization_id) references lockstep.specializations (id) on delete restrict,
add constraint fk_specialization_progress_level
foreign key (specialization_id, current_level)
references lockstep.specialization_levels (specialization_id, level) on delete restrict,
add constraint ck_specialization_progress_not_negative check (
    total_xp >= 0
    and completed_sessions >= 0
    and completed_projects >= 0
    -- With an upper bound, because 'NaN' counts as greater than any number.
    and theory_hours_completed between 0 and 999999.99
    and practice_hours_completed between 0 and 999999.99
);

alter table lockstep.user_licenses
add constraint fk_user_licenses_user
foreign key (user_id) references lockstep.users (id) on delete restrict,
add constraint fk_user_licenses_spec
foreign key (specialization_type) references lockstep.specializations (id) on delete restrict,
add constraint fk_user_licenses_level
foreign key (specialization_type, current_level)
references lockstep.specialization_levels (specialization_id, level) on delete restrict,
add constraint fk_user_licenses_max_level
foreign key (specialization_type, max_achieved_level)
references lockstep.specialization_levels (specialization_id, level) on delete restrict,
add constraint ck_user_licenses_max_achieved_level check (max_achieved_level >= current_level);

comment on constraint fk_specialization_levels_specialization on lockstep.specialization_levels is
'A specialization goes after its levels.';
comment on constraint fk_specialization_progress_user on lockstep.specialization_progress is
'A user with progress cannot be deleted.';
comment on constraint fk_specialization_progress_spec on lockstep.specialization_progress is
'A specialization that somebody is in cannot be deleted.';
comment on constraint fk_specialization_progress_level on lockstep.specialization_progress is
'Only a level that exists can be held; a held level cannot be deleted.';
comment on constraint ck_specialization_progress_not_negative on lockstep.specialization_progress is
'XP, sessions, projects and hours are never negative.';
comment on constraint fk_user_licenses_user on lockstep.user_licenses is
'A user with a license cannot be deleted.';
comment on constraint fk_user_licenses_spec on lockstep.user_licenses is
'A specialization that somebody is licensed in cannot be deleted.';
comment on constraint fk_user_licenses_level on lockstep.user_licenses is
'Only a level that exists can be held; a held level cannot be deleted.';
comment on constraint fk_user_licenses_max_level on lockstep.user_licenses is
'A level that somebody has achieved cannot be deleted.';
comment on constraint ck_user_licenses_max_achieved_level on lockstep.user_licenses is
'The highest level ever held is at least the level held now.';

do $$
declare
    v_removed bigint;
    v_changed bigint;
begin
    select
        count(*) filter (where quarantine.row_after is null),
        count(*) filter (where quarantine.row_after is not null)
    into v_removed, v_changed
    from lockstep.quarantine as quarantine
    where quarantine.migration = '0004';

    if v_removed + v_changed > 0 then
        raise notice 'orphans in quarantine: %; rows with impossible figures put right: %', v_removed, v_changed;
    end if;
end
$$;
