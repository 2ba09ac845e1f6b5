create or replace function lockstep.explain_desync(
    p_user_id bigint,
    p_specialization_id text
)
returns setof lockstep.desync_explanation
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_pair record;
    v_agreed lockstep.license_progressions;
    v_side record;
    v_gap text;
begin
    perform lockstep.check_user(p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    select
        progress.current_level as progress_level,
        progress.xmin as progress_transaction,
        progress.updated_at as progress_updated_at,
        license.id as license_id,
        license.current_level as license_level,
        license.xmin as license_transaction,
        license.updated_at as license_updated_at
    into v_pair
    from (values (p_user_id, p_specialization_id)) as key (user_id, specialization_id)
    left outer join lockstep.specialization_progress as progress
        on progress.student_id = key.user_id
        and progress.specialization_id = key.specialization_id
    left outer join lockstep.user_licenses as license
        on license.user_id = key.user_id
        and license.specialization_type = key.specialization_id;

    if v_pair.progress_level is not distinct from v_pair.license_level then
        return;
    end if;

    -- Every row of the history but a client's remark was written with both sides at its level.
    select progression.*
    into v_agreed
    from lockstep.license_progressions as progression
    where progression.user_id = p_user_id
        and progression.user_license_id = v_pair.license_id
        and progression.route <> 'client'
    order by progression.id desc
    limit 1;

    v_gap := (
        select string_agg(format('%s %s %s', gap.guards, gap.kind, gap.status), ', ' order by gap.kind, gap.status)
        from (
            select guard.kind, guard.status, count(*) as guards
            from lockstep.guard_status as guard
            where guard.status <> 'intact'
            group by guard.kind, guard.status
        ) as gap
    );

    for v_side in
        select *
        from (
            values
                ('progress', v_pair.progress_level, v_pair.progress_transaction, v_pair.progress_updated_at),
                ('license', v_pair.license_level, v_pair.license_transaction, v_pair.license_updated_at)
        ) as side (name, level, transaction_id, updated_at)
        where side.level is distinct from coalesce(v_agreed.to_level, 1)
    loop
        return next row(
            p_user_id, p_specialization_id,
            coalesce(v_agreed.to_level, 1), v_agreed.advanced_at, v_agreed.advanced_by,
            v_agreed.database_role, v_agreed.application_name, v_agreed.route,
            v_side.name, v_side.level,
            case
                when current_setting('track_commit_timestamp') = 'on'
                    then coalesce(pg_xact_commit_timestamp(v_side.transaction_id), v_side.updated_at)
                else v_side.updated_at
            end,
            v_side.transaction_id,
            coalesce(
                'open now, see guard_status: ' || v_gap,
                'no guard is broken now: a superuser disabled triggers and enabled them again, or wrote under the replica role while keys were not armed'
            )
        );
    end loop;
end;
$function$;

comment on function lockstep.explain_desync(bigint, text) is
$comment$Why a pair is out of step: the last state both sides agreed on, and each side that left it.

Returns one row a side that differs from the agreed level (a missing side has no level), none for a pair in
step. Who made the change past the rules is not in the database: the transaction id leads to the server's log.
Raises LS001 no such user, LS002 no such specialization. Locks nothing.$comment$;

revoke all on function lockstep.explain_desync(bigint, text) from public;
grant execute on function lockstep.explain_desync(bigint, text) to lockstep_admin;
