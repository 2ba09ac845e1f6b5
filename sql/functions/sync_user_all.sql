create or replace function lockstep.sync_user_all(
    p_user_id bigint,
    p_direction text,
    p_specialization_id text default null,
    p_requested_by bigint default null,
    p_reason text default null
)
returns setof lockstep.sync_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_lock_timeout constant text := current_setting('lock_timeout');
    v_run lockstep.sync_runs;
begin
    perform lockstep.check_user(p_user_id);
    v_run := lockstep.plan_sync(
        p_direction, p_specialization_id, p_user_id, null, p_requested_by, p_reason
    );
    perform lockstep.start_sync(v_run.id, p_requested_by);

    while lockstep.apply_sync_batch(v_run.id) is not null loop
        -- The next batch: there is one more where live traffic held a pair.
    end loop;

    -- Batches wait briefly; the rest of the caller's transaction as long as it did before.
    perform set_config('lock_timeout', v_lock_timeout, true);

    return query
    select
        item.user_id,
        item.specialization_id,
        case
            when item.outcome <> 'synced' then 'skipped'
            when item.action in ('create_license', 'create_progress') then 'created'
            else 'updated'
        end,
        case item.source
            when 'progress' then (item.license_before ->> 'current_level')::integer
            else (item.progress_before ->> 'current_level')::integer
        end,
        case when item.outcome = 'synced' then item.expected_level end,
        item.outcome = 'synced',
        coalesce(item.error_code || ' ' || item.detail, item.detail, format('Level is %s', item.expected_level))
    from lockstep.sync_run_items as item
    where item.run_id = v_run.id
    order by item.specialization_id;
end;
$function$;

comment on function lockstep.sync_user_all(bigint, text, text, bigint, text) is
$comment$Repairs every pair of one user that is out of step (or the one of a specialization), in this transaction.

Returns one row a pair with its outcome, none when all are in step; one that fails does not stop the others.
It is a run like any other: recorded, and undone by undo_sync().
Raises LS001 no such user or actor, LS002 no such specialization, LS006 another direction.
Locks specialization_progress, then user_licenses, by specialization.$comment$;

revoke all on function lockstep.sync_user_all(bigint, text, text, bigint, text) from public;
grant execute on function lockstep.sync_user_all(bigint, text, text, bigint, text) to lockstep_admin;
