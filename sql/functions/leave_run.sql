create or replace function lockstep.leave_run(
    p_run_id bigint,
    p_worker uuid default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_pid constant integer := pg_backend_pid();
begin
    update lockstep.sync_runs as run
    set worker = null,
        backend_pid = null
    where run.id = p_run_id
        and case when p_worker is null then run.backend_pid = v_pid else run.worker = p_worker end;
end;
$function$;

comment on function lockstep.leave_run(bigint, uuid) is
$comment$Lets a run go, if this worker (null: this server process) holds it.

Unfinished, it stays under way for the setting sync_lease, and whoever calls next goes on with it. Locks the run.$comment$;

revoke all on function lockstep.leave_run(bigint, uuid) from public;
grant execute on function lockstep.leave_run(bigint, uuid) to lockstep_admin;
