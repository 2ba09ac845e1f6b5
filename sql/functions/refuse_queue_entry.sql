create or replace function lockstep.refuse_queue_entry(
    p_user_id bigint,
    p_entry_id bigint,
    p_error_code text,
    p_error text
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_now constant timestamptz := clock_timestamp();
    v_pause constant interval := lockstep.setting('queue_retry_pause')::interval;
    v_second_try constant timestamptz := v_now + v_pause;
    v_third_try constant timestamptz := v_now + v_pause * 4;
    v_set_aside boolean;
begin
    update lockstep.queued_level_ups as entry
    set attempts = entry.attempts + 1,
        error_code = p_error_code,
        error = p_error,
        try_after = case when entry.attempts = 0 then v_second_try else v_third_try end,
        set_aside_at = case when entry.attempts >= 2 then v_now end
    where entry.user_id = p_user_id
        and entry.id = p_entry_id
    returning entry.set_aside_at is not null into v_set_aside;

    return v_set_aside;
end;
$function$;

comment on function lockstep.refuse_queue_entry(bigint, bigint, text, text) is
$comment$Notes that an entry was refused and why; it leaves the line of its pair, and is tried again twice.

Returns whether it is set aside: after the third time.$comment$;

revoke all on function lockstep.refuse_queue_entry(bigint, bigint, text, text) from public;
