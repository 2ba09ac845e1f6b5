create or replace function lockstep.arm_keys()
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    return 'keys are not armed: their triggers have other names on each node of Citus';
end;
$function$;

comment on function lockstep.arm_keys() is
$comment$Sets the triggers of the coupling and level keys to ENABLE ALWAYS, so that they hold for the
replica role too. Only a superuser can; for others it says how many are not. Part of every installation;
to be called again after a restore, which does not keep it.$comment$;

revoke all on function lockstep.arm_keys() from public;
