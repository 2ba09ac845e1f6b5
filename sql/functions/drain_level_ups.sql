create or replace function lockstep.drain_level_ups(
    p_limit integer default null
)
returns lockstep.drain_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_lock_timeout constant text := current_setting('lock_timeout');
    v_seqscan constant text := current_setting('enable_seqscan');
    v_entries lockstep.queued_level_ups[];
    v_result lockstep.drain_outcome;
begin
    if p_limit < 1 then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('limit=%s', p_limit),
            hint = 'Take at least one entry; null takes the setting queue_batch_size.';
    end if;

    perform set_config('lock_timeout', lockstep.lock_budget(), true);

    -- A queue is empty when it is analyzed: by those figures the planner would read all of a full one.
    perform set_config('enable_seqscan', 'off', true);

    v_entries := lockstep.claim_queue_entries(coalesce(p_limit, lockstep.setting('queue_batch_size')::bigint));

    if v_entries = '{}' then
        v_result.claimed := 0;
        v_result.applied := 0;
        v_result.refused := 0;
        v_result.set_aside := 0;
        v_result.busy := 0;
    else
        begin
            v_result := lockstep.drain_as_set(v_entries);
        exception
            when others then
                -- One entry spoils the set; singly it is found, noted, and keeps nobody else.
                v_result := lockstep.drain_singly(v_entries);
        end;
    end if;

    perform set_config('enable_seqscan', v_seqscan, true);
    perform set_config('lock_timeout', v_lock_timeout, true);
    return v_result;
end;
$function$;

comment on function lockstep.drain_level_ups(integer) is
$comment$Applies the oldest entries of the queue, p_limit at most (null: the setting queue_batch_size), and takes them out.

Several drains at once share the work. An entry that is refused is tried three times, then set aside with its
error; the others of its pair go on. Returns what it did; where nothing was applied or refused, the rest has to wait.
Raises LS006 for a limit below 1; 40001, 40P01: retry.
Locks the entries, then keys, users of new pairs, specialization_progress, then user_licenses, for no longer than
the setting lock_budget each.$comment$;

revoke all on function lockstep.drain_level_ups(integer) from public;
grant execute on function lockstep.drain_level_ups(integer) to lockstep_app, lockstep_admin;
