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
    v_entries lockstep.queued_level_ups[];
    v_ids bigint[];
begin
    v_entries := array(
        select entry
        from lockstep.queued_level_ups as entry
        where entry.set_aside_at is null
            and (entry.try_after is null or entry.try_after <= clock_timestamp())
        order by entry.id
        limit p_limit
        for no key update skip locked
    );

    v_ids := array(
        select claimed.id
        from unnest(v_entries) as claimed
    );

    -- Order within a pair: an entry only with every earlier one that is not done yet. One that was
    -- refused has left the line.
    return array(
        select claimed
        from unnest(v_entries) as claimed
        inner join (
            select pair.user_id, pair.specialization_id, others.first_id
            from (
                select one.user_id, one.specialization_id, max(one.id) as last_id
                from unnest(v_entries) as one
                group by one.user_id, one.specialization_id
            ) as pair
            left outer join lateral (
                select other.id as first_id
                from lockstep.queued_level_ups as other
                where other.user_id = pair.user_id
                    and other.id <= pair.last_id
                    and other.specialization_id = pair.specialization_id
                    and other.attempts = 0
                    and other.id <> all(v_ids)
                order by other.id
                limit 1
            ) as others on true
        ) as line
            on line.user_id = claimed.user_id
            and line.specialization_id = claimed.specialization_id
        where line.first_id is null
            or claimed.id < line.first_id
        order by claimed.id
    );
end;
$function$;

comment on function lockstep.claim_queue_entries(bigint) is
$comment$Takes the oldest entries of the queue that no other drain has, and leaves out those whose pair another drain has.

Returns them in order. Locks them until the commit; waits for nobody.$comment$;

revoke all on function lockstep.claim_queue_entries(bigint) from public;
