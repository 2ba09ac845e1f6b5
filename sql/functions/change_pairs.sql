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
    v_plan lockstep.planned_change[];
    v_single lockstep.planned_change;
    v_work_mem constant text := current_setting('work_mem');
begin
    -- Some hundred bytes an item, sorted and hashed a few times; given back at the end.
    if cardinality(p_items) > 5000 then
        perform set_config('work_mem', '64MB', true);
    end if;

    -- Lock order, everywhere: keys, users of new pairs, specialization_progress, then user_licenses.
    perform lockstep.claim_idempotency_keys(p_function_name, p_items);
    perform lockstep.lock_pairs(p_items);

    v_plan := array(
        select plan
        from lockstep.plan_changes(p_function_name, p_items) as plan
    );

    perform lockstep.write_changes(p_function_name, v_plan, p_origins);

    -- Each of them claims its key by itself, and gives it back when it is refused.
    perform lockstep.release_idempotency_keys(array(
        select plan.item
        from unnest(v_plan) as plan
        where plan.kind = 'single'
    ));

    for v_single in
        select plan.*
        from unnest(v_plan) as plan
        where plan.kind = 'single'
        order by plan.place
    loop
        v_plan[v_single.place] := lockstep.change_single(p_function_name, v_single, p_all_or_nothing is not false);
    end loop;

    perform set_config('work_mem', v_work_mem, true);

    return query
    select
        plan.place,
        case plan.kind when 'folded' then 'done' when 'replay' then 'replayed' else plan.kind end,
        plan.error_code,
        plan.detail,
        (plan.answer).*
    from unnest(v_plan) as plan;
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
