create or replace function lockstep.is_alive(
    p_run lockstep.sync_runs
)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select case
        -- Over HTTP the server process of the last batch says nothing: it belongs to a pool.
        when p_run.backend_pid is null then
            p_run.last_batch_at > clock_timestamp() - lockstep.setting('sync_lease')::interval
        else
            exists (select from pg_catalog.pg_stat_activity as worker where worker.pid = p_run.backend_pid)
            and p_run.backend_pid <> pg_backend_pid()
            and p_run.last_batch_at > clock_timestamp() - lockstep.setting('sync_stalled_after')::interval
    end;
$function$;

comment on function lockstep.is_alive(lockstep.sync_runs) is
$comment$Whether this run goes on without the caller: it has committed a batch lately, and its server process is there.

Over HTTP it has no server process of its own; then the last batch alone counts (setting sync_lease).$comment$;

revoke all on function lockstep.is_alive(lockstep.sync_runs) from public;
