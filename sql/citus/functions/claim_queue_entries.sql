create or replace function lockstep.claim_queue_entries(
    p_limit bigint
)
returns lockstep.queued_level_ups[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_candidates lockstep.queued_level_ups[];
    v_candidate lockstep.queued_level_ups;
    v_entry lockstep.queued_level_ups;
    v_entries lockstep.queued_level_ups[] := '{}';
    v_claimed lockstep.queued_level_ups[] := '{}';
    v_after bigint := 0;
begin
    -- A page of the queue, then one by one: Citus locks rows of one user in a statement. What another drain has is
    -- passed over.
    loop
        v_candidates := array(
            select entry
            from lockstep.queued_level_ups as entry
            where entry.id > v_after
                and entry.set_aside_at is null
                and (entry.try_after is null or entry.try_after <= statement_timestamp())
            order by entry.id
            limit p_limit
        );

        foreach v_candidate in array v_candidates loop
            v_after := v_candidate.id;

            select entry.*
            into v_entry
            from lockstep.queued_level_ups as entry
            where entry.user_id = v_candidate.user_id
                and entry.id = v_candidate.id
                and entry.set_aside_at is null
                and entry.attempts = v_candidate.attempts
            for no key update skip locked;

            if found then
                v_entries := v_entries || v_entry;
            end if;

            exit when cardinality(v_entries) = p_limit;
        end loop;

        exit when cardinality(v_entries) = p_limit or cardinality(v_candidates) < p_limit;
    end loop;

    -- Order within a pair: an entry only with every earlier one that is not done yet. One that was
    -- refused has left the line. Each is looked at by itself, so what was in the way of the last may be done for
    -- the next: one that was left out keeps those behind it.
    foreach v_entry in array v_entries loop
        perform
        from lockstep.queued_level_ups as other
        where other.user_id = v_entry.user_id
            and other.specialization_id = v_entry.specialization_id
            and other.id < v_entry.id
            and other.attempts = 0
            and other.id <> all(array(
                select entry.id
                from unnest(v_claimed) as entry
            ));

        if not found then
            v_claimed := v_claimed || v_entry;
        end if;
    end loop;

    return v_claimed;
end;
$function$;

comment on function lockstep.claim_queue_entries(bigint) is
$comment$Takes the oldest entries of the queue that no other drain has, and leaves out those whose pair another drain has.

Returns them in order. Locks them until the commit; waits for nobody.$comment$;

revoke all on function lockstep.claim_queue_entries(bigint) from public;
