create or replace function lockstep.fail_dead_runs(
    p_but_run_id bigint default null
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update lockstep.sync_runs as run
    set status = 'failed',
        job_end = clock_timestamp(),
        message = 'interrupted: its worker is gone; apply_sync() goes on where it stopped',
        (synced_count, failed_count, skipped_count) = (
            select
                count(*) filter (where item.outcome in ('synced', 'undone', 'undone_in_step')),
                count(*) filter (where item.outcome = 'failed'),
                count(*) filter (where item.outcome = 'skipped')
            from lockstep.sync_run_items as item
            where item.run_id = run.id
        )
    where run.status = 'running'
        and run.id is distinct from p_but_run_id
        and not lockstep.is_alive(run);
$function$;

comment on function lockstep.fail_dead_runs(bigint) is
'Marks runs whose worker is gone as failed, with what they did until then, so that they block nobody; such a run can be resumed.';

revoke all on function lockstep.fail_dead_runs(bigint) from public;
