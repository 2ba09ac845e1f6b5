create or replace function lockstep.change_one(
    p_function_name text,
    p_item lockstep.batch_item
)
returns lockstep.level_change
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_function_name = 'update_level' then
        return lockstep.update_level(
            p_item.user_id, p_item.specialization_id, p_item.new_level, p_item.xp_change, p_item.sessions_change,
            p_item.projects_change, p_item.theory_hours_change, p_item.practice_hours_change, p_item.advanced_by,
            p_item.reason, p_item.idempotency_key
        );
    end if;

    if p_item.new_level is not null then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('new_level=%s', p_item.new_level),
            hint = 'level_ups() computes the level; update_levels() sets it.';
    end if;

    return lockstep.level_up(
        p_item.user_id, p_item.specialization_id, p_item.xp_change, p_item.sessions_change, p_item.projects_change,
        p_item.theory_hours_change, p_item.practice_hours_change, p_item.advanced_by, p_item.reason,
        p_item.idempotency_key
    );
end;
$function$;

comment on function lockstep.change_one(text, lockstep.batch_item) is
$comment$Calls the function that an item of a batch stands for.

Raises what that raises, and LS006 for a level given to level_ups().$comment$;

revoke all on function lockstep.change_one(text, lockstep.batch_item) from public;
