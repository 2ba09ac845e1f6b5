create or replace function lockstep.drain_as_set(
    p_entries lockstep.queued_level_ups[]
)
returns lockstep.drain_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_started constant timestamptz := clock_timestamp();
    v_entries lockstep.queued_level_ups[] := p_entries;
    v_items lockstep.batch_item[];
    v_busy lockstep.batch_item[];
    v_refused lockstep.batch_outcome;
    v_done lockstep.queued_level_ups;
    v_result lockstep.drain_outcome;
begin
    v_items := array(
        select lockstep.queued_item(entry)
        from unnest(v_entries) as entry
    );

    -- Lock order, everywhere: keys, then pairs. One pair is waited for, while no other is held.
    perform lockstep.claim_idempotency_keys('level_up', v_items);

    if v_entries[1].enqueued_at < v_started - lockstep.setting('queue_patience')::interval then
        begin
            perform lockstep.lock_pairs(v_items[1:1]);
        exception
            when lock_not_available then
                v_result.breach_user_id := v_entries[1].user_id;
                v_result.breach_specialization_id := v_entries[1].specialization_id;
                v_result.breach_waited := clock_timestamp() - v_started;
        end;
    end if;

    v_busy := lockstep.lock_free_pairs(v_items);

    if v_busy <> '{}' then
        perform lockstep.release_idempotency_keys(v_busy);
        v_entries := array(
            select entry
            from unnest(v_entries) as entry
            where (entry.user_id, entry.specialization_id) not in (
                select busy.user_id, busy.specialization_id
                from unnest(v_busy) as busy
            )
        );
        v_items := array(
            select lockstep.queued_item(entry)
            from unnest(v_entries) as entry
        );
    end if;

    v_result.claimed := cardinality(p_entries);
    v_result.busy := cardinality(p_entries) - cardinality(v_entries);
    v_result.applied := cardinality(v_entries);
    v_result.refused := 0;
    v_result.set_aside := 0;

    for v_refused in
        select outcome.*
        from lockstep.change_pairs('level_up', v_items, false, array(
            select row(entry.database_role, entry.application_name, entry.client_address)::lockstep.change_origin
            from unnest(v_entries) as entry
        )) as outcome
        where outcome.outcome = 'refused'
    loop
        v_result.applied := v_result.applied - 1;
        v_result.refused := v_result.refused + 1;
        if lockstep.refuse_queue_entry(
            v_entries[v_refused.place].user_id, v_entries[v_refused.place].id, v_refused.error_code,
            concat_ws(': ', v_refused.message, v_refused.detail)
        ) then
            v_result.set_aside := v_result.set_aside + 1;
        end if;
    end loop;

    -- One by one, by key: a queue is empty when it is analyzed, and by such figures a join reads all of a full one.
    foreach v_done in array v_entries loop
        delete from lockstep.queued_level_ups as entry
        where entry.user_id = v_done.user_id
            and entry.id = v_done.id
            -- What was refused has another number by now.
            and entry.attempts = v_done.attempts;
    end loop;

    return v_result;
end;
$function$;

comment on function lockstep.drain_as_set(lockstep.queued_level_ups[]) is
$comment$Applies claimed entries as one batch, those of pairs that nobody holds; the others are busy and stay.

Only the pair of the first entry is waited for, if that is older than the setting queue_patience.
Locks the keys, users of new pairs, specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.drain_as_set(lockstep.queued_level_ups[]) from public;
