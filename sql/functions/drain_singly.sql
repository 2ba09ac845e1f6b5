create or replace function lockstep.drain_singly(
    p_entries lockstep.queued_level_ups[]
)
returns lockstep.drain_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_budget constant interval := lockstep.setting('lock_budget')::interval;
    v_started constant timestamptz := clock_timestamp();
    v_tried timestamptz;
    v_entry lockstep.queued_level_ups;
    v_left bigint[] := array[]::bigint[];
    v_code text;
    v_message text;
    v_detail text;
    v_result lockstep.drain_outcome;
begin
    v_result.claimed := cardinality(p_entries);
    v_result.applied := 0;
    v_result.refused := 0;
    v_result.set_aside := 0;

    foreach v_entry in array p_entries loop
        -- Nobody should wait long for what this holds.
        exit when clock_timestamp() > v_started + 10 * v_budget;
        continue when v_entry.user_id = any(v_left);
        v_tried := clock_timestamp();

        begin
            perform lockstep.change_one('level_up', lockstep.queued_item(v_entry));

            delete from lockstep.queued_level_ups as entry
            where entry.user_id = v_entry.user_id
                and entry.id = v_entry.id;

            v_result.applied := v_result.applied + 1;
        exception
            when lock_not_available or serialization_failure or deadlock_detected then
                -- It passes; until then its user's others wait, for the sake of the order.
                get stacked diagnostics v_code = returned_sqlstate;
                v_left := v_left || v_entry.user_id;
                if v_code = '55P03' then
                    v_result.breach_user_id := v_entry.user_id;
                    v_result.breach_specialization_id := v_entry.specialization_id;
                    v_result.breach_waited := clock_timestamp() - v_tried;
                end if;
            when others then
                get stacked diagnostics
                    v_code = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail;
                v_result.refused := v_result.refused + 1;
                if lockstep.refuse_queue_entry(
                    v_entry.user_id, v_entry.id, v_code, concat_ws(': ', v_message, case when v_code like 'LS%' then v_detail end)
                ) then
                    v_result.set_aside := v_result.set_aside + 1;
                end if;
        end;
    end loop;

    v_result.busy := v_result.claimed - v_result.applied - v_result.refused;
    return v_result;
end;
$function$;

comment on function lockstep.drain_singly(lockstep.queued_level_ups[]) is
$comment$Applies claimed entries one by one, each in a subtransaction: what a drain does when the set as a whole failed.

An entry that is refused is noted; one whose pair or key somebody holds is left, with its user's others.
Locks, an entry at a time, the key, specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.drain_singly(lockstep.queued_level_ups[]) from public;
