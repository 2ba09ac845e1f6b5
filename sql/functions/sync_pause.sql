create or replace function lockstep.sync_pause(
    p_attempts integer
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform pg_sleep_for(lockstep.batch_pause(p_attempts));
end;
$function$;

comment on function lockstep.sync_pause(integer) is
'Pauses between two batches, as long as batch_pause() says.';

revoke all on function lockstep.sync_pause(integer) from public;
grant execute on function lockstep.sync_pause(integer) to lockstep_admin;
