create or replace function lockstep.finish_sync_batch(
    p_run_id bigint
)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_now timestamptz;
    v_pid constant integer := pg_backend_pid();
    v_counted record;
    v_attempts constant integer := (
        select min(item.attempts)
        from lockstep.sync_run_items as item
        where item.run_id = p_run_id
            and item.outcome = 'planned'
    );
begin
    if v_attempts is not null then
        update lockstep.sync_runs as run
        set last_batch_at = clock_timestamp(),
            backend_pid = case when run.worker is null then v_pid end
        where run.id = p_run_id;

        return v_attempts;
    end if;

    select
        count(*) filter (where item.outcome in ('synced', 'undone', 'undone_in_step')) as synced,
        count(*) filter (where item.outcome = 'failed') as failed,
        count(*) filter (where item.outcome = 'skipped') as skipped
    into v_counted
    from lockstep.sync_run_items as item
    where item.run_id = p_run_id;

    v_now := clock_timestamp();

    update lockstep.sync_runs as run
    set last_batch_at = v_now,
        job_end = v_now,
        synced_count = v_counted.synced,
        failed_count = v_counted.failed,
        skipped_count = v_counted.skipped,
        status = case
            when v_counted.failed = 0 then 'success'
            when v_counted.synced + v_counted.skipped > 0 then 'partial_failure'
            else 'failed'
        end
    where run.id = p_run_id;

    return null;
end;
$function$;

comment on function lockstep.finish_sync_batch(bigint) is
'Notes that a batch is done and how often the next items have been tried; after the last one closes the run (null).';

revoke all on function lockstep.finish_sync_batch(bigint) from public;
