create or replace function lockstep.read_service_state()
returns lockstep.service_state
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select state.*
    from lockstep.service_state as state;
$function$;

comment on function lockstep.read_service_state() is
$comment$How the service stands, for probes and for Prometheus: the row of service_state.

For anybody, as it names no person. Locks nothing.$comment$;

revoke all on function lockstep.read_service_state() from public;
grant execute on function lockstep.read_service_state() to lockstep_app;
