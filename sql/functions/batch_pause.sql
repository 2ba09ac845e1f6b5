create or replace function lockstep.batch_pause(
    p_attempts integer
)
returns interval
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Four times as long before each further try.
    select lockstep.setting('sync_pause')::interval * 4 ^ p_attempts;
$function$;

comment on function lockstep.batch_pause(integer) is
$comment$How long to leave the pairs to live traffic between two batches of a run: the setting sync_pause, four times
as long for each time the next items were tried already. Null where nothing is left to try.$comment$;

revoke all on function lockstep.batch_pause(integer) from public;
