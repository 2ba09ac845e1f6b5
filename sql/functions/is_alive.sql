create or replace function lockstep.is_alive(
    p_run lockstep.sync_runs
)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (select from pg_catalog.pg_stat_activity as worker where worker.pid = p_run.backend_pid)
        and p_run.backend_pid <> pg_backend_pid()
        and p_run.last_batch_at > clock_timestamp() - (
            select setting.value::interval
            from lockstep.settings as setting
            where setting.name = 'sync_stalled_after'
        );
$function$;

comment on function lockstep.is_alive(lockstep.sync_runs) is
'Whether another session still works on this run: its server process is there and has committed a batch lately.';

revoke all on function lockstep.is_alive(lockstep.sync_runs) from public;
