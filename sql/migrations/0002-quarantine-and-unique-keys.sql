-- One progress row and one license per user and specialization (A1, A2). What
-- a cleaning step takes away or changes stands whole in the quarantine (A3).

create table lockstep.quarantine (
    id bigint generated always as identity,
    migration text not null,
    table_name text not null,
    reason text not null,
    row_id text not null,
    row_before jsonb,
    row_after jsonb,
    user_id bigint generated always as ((
        coalesce(
            coalesce(row_before, row_after) ->> 'student_id',
            coalesce(row_before, row_after) ->> 'user_id'
        )
    )::bigint) stored,
    survivor_id bigint,
    moved_references bigint[] not null default '{}',
    quarantined_at timestamptz not null default clock_timestamp(),
    constraint quarantine_pkey primary key (id)
);

comment on table lockstep.quarantine is
'Rows as they were found before a cleaning step removed, changed or made them; rolling the step back returns them.';
comment on column lockstep.quarantine.migration is 'The number of the migration that did it.';
comment on column lockstep.quarantine.reason is 'Why, in words and figures.';
comment on column lockstep.quarantine.row_id is 'The id of the row in its table.';
comment on column lockstep.quarantine.row_before is 'The whole row as found; null where the step made it.';
comment on column lockstep.quarantine.row_after is 'What the step wrote into the row; null where it removed it.';
comment on column lockstep.quarantine.user_id is
'Whose row it is, where the row says so: an id alone may belong to rows of two users.';
comment on column lockstep.quarantine.survivor_id is 'Of duplicates: the id of the row that stayed.';
comment on column lockstep.quarantine.moved_references is
'Ids of license_progressions that pointed at this row and now point at the survivor.';

-- The survivor of duplicates: highest level, then most XP, then newest, then highest id.
with ranked as (
    select
        progress.id,
        first_value(progress.id) over survivor_first as survivor_id,
        count(*) over (partition by progress.student_id, progress.specialization_id) as copies,
        to_jsonb(progress) as row_before
    from lockstep.specialization_progress as progress
    window survivor_first as (
        partition by progress.student_id, progress.specialization_id
        order by
            progress.current_level desc nulls last,
            progress.total_xp desc nulls last,
            coalesce(progress.updated_at, progress.created_at) desc nulls last,
            progress.id desc
    )
)

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, survivor_id)
select
    '0002',
    'specialization_progress',
    format('duplicate: one of %s rows of this student and specialization', ranked.copies),
    ranked.id::text,
    ranked.row_before,
    ranked.survivor_id
from ranked
where ranked.id <> ranked.survivor_id;

-- Of licenses: highest level, then highest level achieved, then newest, then highest id.
with ranked as (
    select
        license.id,
        first_value(license.id) over survivor_first as survivor_id,
        count(*) over (partition by license.user_id, license.specialization_type) as copies,
        to_jsonb(license) as row_before
    from lockstep.user_licenses as license
    window survivor_first as (
        partition by license.user_id, license.specialization_type
        order by
            license.current_level desc nulls last,
            license.max_achieved_level desc nulls last,
            coalesce(license.updated_at, license.created_at) desc nulls last,
            license.id desc
    )
)

insert into lockstep.quarantine (
    migration, table_name, reason, row_id, row_before, survivor_id, moved_references
)
select
    '0002',
    'user_licenses',
    format('duplicate: one of %s rows of this user and specialization', ranked.copies),
    ranked.id::text,
    ranked.row_before,
    ranked.survivor_id,
    array(
        select progression.id
        from lockstep.license_progressions as progression
        where progression.user_license_id = ranked.id
        order by progression.id
    )
from ranked
where ranked.id <> ranked.survivor_id;

-- References to the losers follow the survivor.
update lockstep.license_progressions as progression
set user_license_id = quarantine.survivor_id
from lockstep.quarantine as quarantine
where quarantine.migration = '0002'
    and quarantine.table_name = 'user_licenses'
    and progression.user_license_id = quarantine.row_id::bigint;

delete from lockstep.specialization_progress as progress
using lockstep.quarantine as quarantine
where quarantine.migration = '0002'
    and quarantine.table_name = 'specialization_progress'
    and progress.student_id = quarantine.user_id
    and progress.id = quarantine.row_id::bigint;

delete from lockstep.user_licenses as license
using lockstep.quarantine as quarantine
where quarantine.migration = '0002'
    and quarantine.table_name = 'user_licenses'
    and license.user_id = quarantine.user_id
    and license.id = quarantine.row_id::bigint;

-- Exactly one unique constraint on exactly these two columns: others of an older system go.
do $$
declare
    v_constraint record;
begin
    for v_constraint in
        select con.conrelid::regclass as table_name, con.conname
        from pg_catalog.pg_constraint as con
        where con.contype = 'u'
            and (con.conrelid, (
                select array_agg(att.attname::text order by att.attname::text)
                from pg_catalog.pg_attribute as att
                where att.attrelid = con.conrelid and att.attnum = any(con.conkey)
            )) in (
                ('lockstep.specialization_progress'::regclass, array['specialization_id', 'student_id']),
                ('lockstep.user_licenses'::regclass, array['specialization_type', 'user_id'])
            )
    loop
        execute format('alter table %s drop constraint %I', v_constraint.table_name, v_constraint.conname);
    end loop;
end
$$;

alter table lockstep.specialization_progress
add constraint uq_specialization_progress_user_spec unique (student_id, specialization_id);

alter table lockstep.user_licenses
add constraint uq_user_licenses_user_spec unique (user_id, specialization_type);

comment on constraint uq_specialization_progress_user_spec on lockstep.specialization_progress is
'One progress row per student and specialization.';
comment on constraint uq_user_licenses_user_spec on lockstep.user_licenses is
'One license per user and specialization.';

do $$
declare
    v_progress bigint;
    v_license bigint;
    v_reference bigint;
begin
    select
        count(*) filter (where quarantine.table_name = 'specialization_progress'),
        count(*) filter (where quarantine.table_name = 'user_licenses'),
        coalesce(sum(cardinality(quarantine.moved_references)), 0)
    into v_progress, v_license, v_reference
    from lockstep.quarantine as quarantine
    where quarantine.migration = '0002';

    if v_progress + v_license > 0 then
        raise notice 'duplicates in quarantine: % of specialization_progress, % of user_licenses; % references moved',
            v_progress, v_license, v_reference;
    end if;
end
$$;
