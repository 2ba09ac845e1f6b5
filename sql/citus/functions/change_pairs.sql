create or replace function lockstep.change_pairs(
    p_function_name text,
    p_items lockstep.batch_item[],
    p_all_or_nothing boolean,
    p_origins lockstep.change_origin[] default null
)
returns setof lockstep.batch_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_item lockstep.batch_item;
    v_change lockstep.planned_change;
begin
    -- Lock order, everywhere: keys, users of new pairs, specialization_progress, then user_licenses.
    perform lockstep.claim_idempotency_keys(p_function_name, p_items);
    perform lockstep.lock_pairs(p_items);

    -- Each claims its key by itself.
    perform lockstep.release_idempotency_keys(p_items);

    -- One by one: Citus writes no two tables that are cut in one statement.
    for v_place in 1..coalesce(cardinality(p_items), 0) loop
        v_item := p_items[v_place];
        v_item.xp_change := coalesce(v_item.xp_change, 0);
        v_item.sessions_change := coalesce(v_item.sessions_change, 0);
        v_item.projects_change := coalesce(v_item.projects_change, 0);
        v_item.theory_hours_change := coalesce(v_item.theory_hours_change, 0);
        v_item.practice_hours_change := coalesce(v_item.practice_hours_change, 0);

        v_change := null;
        v_change.item := v_item;
        v_change := lockstep.change_single(p_function_name, v_change, p_all_or_nothing is not false);

        return query
        select
            v_place,
            case v_change.kind when 'replay' then 'replayed' else v_change.kind end,
            v_change.error_code,
            v_change.detail,
            (v_change.answer).*;
    end loop;
end;
$function$;

comment on function lockstep.change_pairs(
    text, lockstep.batch_item[], boolean, lockstep.change_origin[]
) is
$comment$What level_ups(), update_levels() and the queue share: keys, locks, plan, write, and what is left goes singly.

Raises what the function raises for the first item that it refuses, unless p_all_or_nothing is false.
Locks all keys, users of new pairs, specialization_progress, then user_licenses, each sorted.$comment$;

revoke all on function lockstep.change_pairs(
    text, lockstep.batch_item[], boolean, lockstep.change_origin[]
) from public;
