create or replace function lockstep.level_ups(
    p_items lockstep.batch_item[],
    p_all_or_nothing boolean default true
)
returns setof lockstep.batch_outcome
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select outcome.*
    from lockstep.change_pairs('level_up', p_items, p_all_or_nothing) as outcome;
$function$;

comment on function lockstep.level_ups(lockstep.batch_item[], boolean) is
$comment$level_up() for many items in one transaction: the same answers and the same history as one by one, in their order.

From JSON: level_ups(array(select one from jsonb_populate_recordset(null::lockstep.batch_item, $1) as one)).
Returns a row an item, in order. All or nothing (the first refusal is raised, as level_up() raises it) unless
p_all_or_nothing is false: then a refused item says so in its row, and the others are done.
Locks all keys, users of new pairs, specialization_progress, then user_licenses, each sorted; until the commit.$comment$;

revoke all on function lockstep.level_ups(lockstep.batch_item[], boolean) from public;
grant execute on function lockstep.level_ups(lockstep.batch_item[], boolean) to lockstep_app, lockstep_admin;
