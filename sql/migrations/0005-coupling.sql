-- The proof (C2): each table carries a key to the other on user, specialization and level,
-- checked at commit. Whoever writes, a disagreement cannot be committed.

-- Pairs found out of step take the higher level; a missing side is made at the level of the other.
insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after)
select
    '0005',
    'specialization_progress',
    format('desync: progress %s, license %s', progress.current_level, license.current_level),
    progress.id::text,
    to_jsonb(progress),
    to_jsonb(progress) || jsonb_build_object('current_level', license.current_level)
from lockstep.specialization_progress as progress
inner join lockstep.user_licenses as license
    on license.user_id = progress.student_id
    and license.specialization_type = progress.specialization_id
where progress.current_level < license.current_level;

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after)
select
    '0005',
    'user_licenses',
    format('desync: progress %s, license %s', progress.current_level, license.current_level),
    license.id::text,
    to_jsonb(license),
    to_jsonb(license) || jsonb_build_object(
        'current_level', progress.current_level,
        'max_achieved_level', greatest(license.max_achieved_level, progress.current_level)
    )
from lockstep.specialization_progress as progress
inner join lockstep.user_licenses as license
    on license.user_id = progress.student_id
    and license.specialization_type = progress.specialization_id
where progress.current_level > license.current_level;

update lockstep.specialization_progress as progress
set current_level = (quarantine.row_after ->> 'current_level')::integer
from lockstep.quarantine as quarantine
where quarantine.migration = '0005'
    and quarantine.table_name = 'specialization_progress'
    and progress.student_id = quarantine.user_id
    and progress.id = quarantine.row_id::bigint;

update lockstep.user_licenses as license
set current_level = (quarantine.row_after ->> 'current_level')::integer,
    max_achieved_level = (quarantine.row_after ->> 'max_achieved_level')::integer
from lockstep.quarantine as quarantine
where quarantine.migration = '0005'
    and quarantine.table_name = 'user_licenses'
    and license.user_id = quarantine.user_id
    and license.id = quarantine.row_id::bigint;

-- Rows that came with their ids may have left the sequences behind: go on after the highest.
select setval(sequence.name, greatest(sequence.highest, nextval(sequence.name)))
from (
    select
        pg_get_serial_sequence('lockstep.specialization_progress', 'id')::regclass,
        (select max(progress.id) from lockstep.specialization_progress as progress)
    union all
    select
        pg_get_serial_sequence('lockstep.user_licenses', 'id')::regclass,
        (select max(license.id) from lockstep.user_licenses as license)
    union all
    select
        pg_get_serial_sequence('lockstep.license_progressions', 'id')::regclass,
        (select max(progression.id) from lockstep.license_progressions as progression)
    union all
    select
        pg_get_serial_sequence('lockstep.users', 'id')::regclass,
        (select max(person.id) from lockstep.users as person)
) as sequence (name, highest)
where sequence.highest is not null;

with made as (
    insert into lockstep.user_licenses (
        user_id, specialization_type, current_level, max_achieved_level, started_at
    )
    select
        progress.student_id,
        progress.specialization_id,
        progress.current_level,
        progress.current_level,
        coalesce(progress.created_at, now())
    from lockstep.specialization_progress as progress
    where not exists (
        select from lockstep.user_licenses as license
        where license.user_id = progress.student_id
            and license.specialization_type = progress.specialization_id
    )
    returning *
)

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_after)
select '0005', 'user_licenses', 'missing license', made.id::text, to_jsonb(made)
from made;

with made as (
    insert into lockstep.specialization_progress (student_id, specialization_id, current_level)
    select license.user_id, license.specialization_type, license.current_level
    from lockstep.user_licenses as license
    where not exists (
        select from lockstep.specialization_progress as progress
        where progress.student_id = license.user_id
            and progress.specialization_id = license.specialization_type
    )
    returning *
)

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_after)
select '0005', 'specialization_progress', 'missing progress', made.id::text, to_jsonb(made)
from made;

alter table lockstep.specialization_progress
add constraint uq_specialization_progress_user_spec_level
unique (student_id, specialization_id, current_level);

alter table lockstep.user_licenses
add constraint uq_user_licenses_user_spec_level
unique (user_id, specialization_type, current_level);

alter table lockstep.specialization_progress
add constraint fk_specialization_progress_license
foreign key (student_id, specialization_id, current_level)
references lockstep.user_licenses (user_id, specialization_type, current_level)
deferrable initially deferred;

alter table lockstep.user_licenses
add constraint fk_user_licenses_progress
foreign key (user_id, specialization_type, current_level)
references lockstep.specialization_progress (student_id, specialization_id, current_level)
deferrable initially deferred;

comment on constraint uq_specialization_progress_user_spec_level on lockstep.specialization_progress is
'What fk_user_licenses_progress points at.';
comment on constraint uq_user_licenses_user_spec_level on lockstep.user_licenses is
'What fk_specialization_progress_license points at.';
comment on constraint fk_specialization_progress_license on lockstep.specialization_progress is
'At commit, a license of the same level stands beside every progress row.';
comment on constraint fk_user_licenses_progress on lockstep.user_licenses is
'At commit, a progress row of the same level stands beside every license.';

do $$
declare
    v_changed bigint;
    v_made bigint;
begin
    select
        count(*) filter (where quarantine.row_before is not null),
        count(*) filter (where quarantine.row_before is null)
    into v_changed, v_made
    from lockstep.quarantine as quarantine
    where quarantine.migration = '0005';

    if v_changed + v_made > 0 then
        raise notice 'pairs out of step put right: %; missing sides made: %', v_changed, v_made;
    end if;
end
$$;
