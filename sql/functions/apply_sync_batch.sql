create or replace function lockstep.apply_sync_batch(
    p_run_id bigint
)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_started constant timestamptz := clock_timestamp();
    v_run lockstep.sync_runs;
    v_item lockstep.sync_run_items;
    v_code text;
    v_detail text;
begin
    select run.*
    into v_run
    from lockstep.sync_runs as run
    where run.id = p_run_id
        and run.status = 'running'
    for no key update;

    if not found then
        return null;
    end if;

    -- Live traffic wins: a pair that is busy is left for later.
    perform set_config(
        'lock_timeout',
        ceil(extract(epoch from lockstep.setting('sync_lock_timeout')::interval) * 1000)::text,
        true
    );

    for v_item in
        select item.*
        from lockstep.sync_run_items as item
        where item.run_id = p_run_id
            and item.outcome = 'planned'
            -- Those tried less often go first; within a batch, keys in order, but before them those
            -- that lock a user's row, for want of a progress row.
            and item.attempts = (
                select min(open.attempts)
                from lockstep.sync_run_items as open
                where open.run_id = p_run_id
                    and open.outcome = 'planned'
            )
        order by (item.progress_before is null) desc, item.user_id, item.specialization_id
        limit lockstep.setting('sync_batch_size')::bigint
    loop
        v_item.attempts := v_item.attempts + 1;

        begin
            v_item := lockstep.apply_sync_item(v_item, v_run);
        exception
            when others then
                get stacked diagnostics v_code = returned_sqlstate, v_detail = message_text;
                v_item.error_code := v_code;
                v_item.detail := v_detail;
                -- Lock timeout, deadlock and serialization pass; they are tried three times.
                if v_code not in ('55P03', '40P01', '40001') or v_item.attempts >= 3 then
                    v_item.outcome := 'failed';
                    v_item.applied_at := clock_timestamp();
                end if;
        end;

        update lockstep.sync_run_items as item
        set outcome = v_item.outcome,
            detail = v_item.detail,
            error_code = v_item.error_code,
            attempts = v_item.attempts,
            progress_after = v_item.progress_after,
            license_after = v_item.license_after,
            applied_at = v_item.applied_at
        where item.run_id = v_item.run_id
            and item.user_id = v_item.user_id
            and item.specialization_id = v_item.specialization_id;

        -- Nobody should wait long for the pairs that this batch holds.
        exit when clock_timestamp() > v_started + interval '100 ms';
    end loop;

    return lockstep.finish_sync_batch(p_run_id);
end;
$function$;

comment on function lockstep.apply_sync_batch(bigint) is
$comment$One batch of a run, in one transaction: some items, in lock order, each in a subtransaction of its own.

Returns how often the next items have been tried already, null when none is left: the run is finished then.
A failed item is recorded and does not stop the others; 55P03, 40P01 and 40001 are tried three times.
Locks the run, and each item's specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.apply_sync_batch(bigint) from public;
grant execute on function lockstep.apply_sync_batch(bigint) to lockstep_admin;
