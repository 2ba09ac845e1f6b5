create or replace function lockstep.deployment_report(
    p_expected_version text default null
)
returns setof lockstep.deployment_check
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_version text;
    v_internship record;
    v_counted record;
    v_progress_twice bigint;
    v_license_twice bigint;
    v_desync bigint;
    v_guards record;
begin
    -- What asks the school's rows stands by itself: beside the catalog a cluster would not plan it.
    v_version := (
        select max(applied.migration_id)
        from lockstep.schema_migrations as applied
    );

    select count(*) as found, string_agg(format('%s, max_levels %s', one.name, one.max_levels), '; ') as detail
    into v_internship
    from lockstep.specializations as one
    where one.id = 'INTERNSHIP'
        and one.max_levels = 3;

    select
        count(*) filter (where counted.max_levels <> counted.levels or counted.levels = 0) as failures,
        string_agg(format('%s %s of %s', counted.id, counted.levels, counted.max_levels), ', ' order by counted.id)
            as detail
    into v_counted
    from (
        select specialization.id, specialization.max_levels, count(level.level) as levels
        from lockstep.specializations as specialization
        left outer join lockstep.specialization_levels as level
            on level.specialization_id = specialization.id
        where specialization.is_active
        group by specialization.id
    ) as counted;

    v_progress_twice := (
        select count(*)
        from (
            select from lockstep.specialization_progress as progress
            group by progress.student_id, progress.specialization_id
            having count(*) > 1
        ) as twice
    );
    v_license_twice := (
        select count(*)
        from (
            select from lockstep.user_licenses as license
            group by license.user_id, license.specialization_type
            having count(*) > 1
        ) as twice
    );
    v_desync := (
        select count(*)
        from lockstep.desync
    );

    select
        count(*) filter (where guard.status <> 'intact') as failures,
        coalesce(
            string_agg(format('%s %s %s', guard.status, guard.kind, guard.name), ', ')
            filter (where guard.status <> 'intact'),
            format('%s intact', count(*))
        ) as detail
    into v_guards
    from lockstep.guard_status as guard;

    return query
    with expected_constraint as (
        select expected.constraint_name
        from unnest(array[
            'uq_specialization_progress_user_spec',
            'uq_specialization_progress_user_spec_level',
            'fk_specialization_progress_user',
            'fk_specialization_progress_spec',
            'fk_specialization_progress_level',
            'fk_specialization_progress_license',
            'ck_specialization_progress_not_negative',
            'uq_user_licenses_user_spec',
            'uq_user_licenses_user_spec_level',
            'fk_user_licenses_user',
            'fk_user_licenses_spec',
            'fk_user_licenses_level',
            'fk_user_licenses_max_level',
            'fk_user_licenses_progress',
            'ck_user_licenses_max_achieved_level'
        ]) as expected (constraint_name)
    ),

    measured (place, check_name, failures, warns_only, detail) as (
        select
            1,
            'version at head',
            (p_expected_version is distinct from v_version)::integer,
            p_expected_version is null,
            format('applied %s, expected %s', v_version, coalesce(p_expected_version, 'not given'))

        union all
        select
            2,
            'INTERNSHIP has 3 levels',
            (v_internship.found <> 1)::integer,
            false,
            coalesce(v_internship.detail, 'no such row')

        union all
        select
            3,
            'max_levels equal the level rows',
            v_counted.failures,
            false,
            v_counted.detail

        union all
        select
            4,
            'no duplicate progress',
            v_progress_twice,
            false,
            format('%s pair%s twice', v_progress_twice, case when v_progress_twice <> 1 then 's' end)

        union all
        select
            5,
            'no duplicate license',
            v_license_twice,
            false,
            format('%s pair%s twice', v_license_twice, case when v_license_twice <> 1 then 's' end)

        union all
        select
            6,
            'named constraints there and validated',
            count(*) filter (where con.oid is null),
            false,
            coalesce(
                'missing: ' || string_agg(expected.constraint_name, ', ') filter (where con.oid is null),
                format('%s found', count(*))
            )
        from expected_constraint as expected
        left outer join pg_catalog.pg_constraint as con
            on con.conname = expected.constraint_name
            and con.conrelid in ('lockstep.specialization_progress'::regclass, 'lockstep.user_licenses'::regclass)
            and con.convalidated

        union all
        select
            7,
            'keys armed for the replica role',
            count(*) filter (where not key_trigger.armed),
            true,
            format('%s of %s triggers fire ALWAYS', count(*) filter (where key_trigger.armed), count(*))
        from lockstep.coupled_key_triggers as key_trigger

        union all
        select
            8,
            'no trigger disabled',
            count(*),
            false,
            coalesce(string_agg(format('%s on %s', trig.tgname, trig.tgrelid::regclass), ', '), 'none')
        from pg_catalog.pg_trigger as trig
        inner join pg_catalog.pg_class as class on class.oid = trig.tgrelid
        where class.relnamespace = 'lockstep'::regnamespace
            and trig.tgenabled in ('D', 'R')

        union all
        select
            9,
            'lock-order hook on',
            (count(*) filter (where class.relrowsecurity and policy.polqual is not null) <> 2)::integer,
            -- Citus takes no policy that locks; what is loaded for it stays so where it is restored.
            exists (
                select from pg_catalog.pg_proc as proc
                where proc.oid = 'lockstep.arm_keys()'::regprocedure
                    and proc.prosrc like '%Citus%'
            ),
            format('%s of 2 policies lock progress first', count(*))
        from pg_catalog.pg_class as class
        inner join pg_catalog.pg_policy as policy on policy.polrelid = class.oid
        where class.oid = 'lockstep.user_licenses'::regclass
            and policy.polname in ('license_update', 'license_delete')

        union all
        select
            10,
            'no desync',
            v_desync,
            false,
            format('%s pair%s out of step', v_desync, case when v_desync <> 1 then 's' end)

        union all
        select
            11,
            'guards as installed',
            v_guards.failures,
            false,
            v_guards.detail
    )

    select
        measured.check_name,
        case
            when measured.failures = 0 then 'pass'
            when measured.warns_only then 'warn'
            else 'fail'
        end,
        measured.detail
    from measured
    order by measured.place;
end;
$function$;

comment on function lockstep.deployment_report(text) is
$comment$Checks a deployment, one line a check: pass, warn or fail, with what was found.

p_expected_version: the newest migration of the release (its file's name without the ending).
Reads both coupled tables whole. Locks nothing.$comment$;

revoke all on function lockstep.deployment_report(text) from public;
grant execute on function lockstep.deployment_report(text) to lockstep_admin, lockstep_readonly;
