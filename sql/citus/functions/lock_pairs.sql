create or replace function lockstep.lock_pairs(
    p_items lockstep.batch_item[]
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_pair record;
begin
    -- One by one, sorted: Citus locks rows of one user in a statement.
    for v_pair in
        select distinct item.user_id, item.specialization_id
        from unnest(p_items) as item
        order by item.user_id, item.specialization_id
    loop
        perform
        from lockstep.specialization_progress as progress
        where progress.student_id = v_pair.user_id
            and progress.specialization_id = v_pair.specialization_id;

        if not found then
            -- There is no progress row to lock yet: the user's row stands in for it.
            perform
            from lockstep.users as person
            where person.id = v_pair.user_id
            for no key update;
        end if;
    end loop;

    -- Lock order, everywhere: specialization_progress, then user_licenses, several keys sorted.
    for v_pair in
        select distinct item.user_id, item.specialization_id
        from unnest(p_items) as item
        order by item.user_id, item.specialization_id
    loop
        perform
        from lockstep.specialization_progress as locked
        where locked.student_id = v_pair.user_id
            and locked.specialization_id = v_pair.specialization_id
        for no key update;
    end loop;

    for v_pair in
        select distinct item.user_id, item.specialization_id
        from unnest(p_items) as item
        order by item.user_id, item.specialization_id
    loop
        perform
        from lockstep.user_licenses as locked
        where locked.user_id = v_pair.user_id
            and locked.specialization_type = v_pair.specialization_id
        for no key update;
    end loop;
end;
$function$;

comment on function lockstep.lock_pairs(lockstep.batch_item[]) is
$comment$Locks every pair of a batch, both sides, and waits for those that somebody holds.

Locks the rows of users who lack a pair, then specialization_progress, then user_licenses, each sorted.$comment$;

revoke all on function lockstep.lock_pairs(lockstep.batch_item[]) from public;
