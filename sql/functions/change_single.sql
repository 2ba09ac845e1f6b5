create or replace function lockstep.change_single(
    p_function_name text,
    p_single lockstep.planned_change,
    p_raise boolean
)
returns lockstep.planned_change
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_done lockstep.planned_change := p_single;
    v_answer lockstep.level_change;
    v_code text;
    v_message text;
    v_detail text;
begin
    if p_raise then
        v_answer := lockstep.change_one(p_function_name, p_single.item);
    else
        begin
            v_answer := lockstep.change_one(p_function_name, p_single.item);
        exception
            when others then
                get stacked diagnostics
                    v_code = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail;
                -- What passes is not the item's fault: the whole call is to be retried.
                if v_code in ('55P03', '40P01', '40001') then
                    raise;
                end if;
        end;
    end if;

    v_done.kind := case when v_code is not null then 'refused' when v_answer.replayed then 'replay' else 'done' end;
    v_done.answer := v_answer;
    v_done.error_code := v_code;
    -- PostgreSQL's own details show rows.
    v_done.detail := case when v_code like 'LS%' then v_detail end;

    if v_code is not null then
        v_done.answer.user_id := (p_single.item).user_id;
        v_done.answer.specialization_id := (p_single.item).specialization_id;
        v_done.answer.message := v_message;
    end if;

    return v_done;
end;
$function$;

comment on function lockstep.change_single(text, lockstep.planned_change, boolean) is
$comment$Does one item of a batch by itself, and notes what came of it; a refusal is raised if p_raise says so.

Raises 55P03, 40001 and 40P01 always: they are no refusal, and the batch may be retried.$comment$;

revoke all on function lockstep.change_single(text, lockstep.planned_change, boolean) from public;
