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
    -- Four times as long before each further try.
    perform pg_sleep(extract(epoch from lockstep.setting('sync_pause')::interval) * 4 ^ p_attempts);
end;
$function$;

comment on function lockstep.sync_pause(integer) is
'Pauses between two batches: the setting sync_pause, four times as long for each time the items were tried.';

revoke all on function lockstep.sync_pause(integer) from public;
grant execute on function lockstep.sync_pause(integer) to lockstep_admin;
