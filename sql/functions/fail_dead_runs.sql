create or replace function lockstep.fail_dead_runs(
    p_but_run_id bigint default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run lockstep.sync_runs;
    v_counts record;
begin
    for v_run in
        select run.*
        from lockstep.sync_runs as run
        where run.status = 'running'
            and run.id is distinct from p_but_run_id
    loop
        continue when lockstep.is_alive(v_run);

        -- It may have gone on meanwhile.
        select run.*
        into v_run
        from lockstep.sync_runs as run
        where run.id = v_run.id
            and run.status = 'running'
        for no key update;

        continue when not found or lockstep.is_alive(v_run);

        select
            count(*) filter (where item.outcome in ('synced', 'undone', 'undone_in_step')) as synced,
            count(*) filter (where item.outcome = 'failed') as failed,
            count(*) filter (where item.outcome = 'skipped') as skipped
        into v_counts
        from lockstep.sync_run_items as item
        where item.run_id = v_run.id;

        update lockstep.sync_runs as run
        set status = 'failed',
            job_end = clock_timestamp(),
            message = 'interrupted: its worker is gone; apply_sync() goes on where it stopped',
            synced_count = v_counts.synced,
            failed_count = v_counts.failed,
            skipped_count = v_counts.skipped
        where run.id = v_run.id;
    end loop;
end;
$function$;

comment on function lockstep.fail_dead_runs(bigint) is
$comment$Marks runs whose worker is gone as failed, with what they did until then, so that they block nobody.

Such a run can be resumed. Locks those runs.$comment$;

revoke all on function lockstep.fail_dead_runs(bigint) from public;
