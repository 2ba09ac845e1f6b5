create or replace function lockstep.lock_free_pairs(
    p_items lockstep.batch_item[]
)
returns lockstep.batch_item[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_pair record;
    v_is_there boolean;
    v_is_free boolean;
    v_busy lockstep.batch_item[] := '{}';
begin
    -- One by one, sorted: Citus locks rows of one user in a statement. Nothing here waits.
    -- Lock order, everywhere: users of new pairs, specialization_progress, then user_licenses.
    for v_pair in
        select item.user_id, item.specialization_id, array_agg(item) as items
        from unnest(p_items) as item
        group by item.user_id, item.specialization_id
        order by item.user_id, item.specialization_id
    loop
        perform
        from lockstep.specialization_progress as progress
        where progress.student_id = v_pair.user_id
            and progress.specialization_id = v_pair.specialization_id;

        v_is_there := found;

        if v_is_there then
            perform
            from lockstep.specialization_progress as locked
            where locked.student_id = v_pair.user_id
                and locked.specialization_id = v_pair.specialization_id
            for no key update skip locked;
        else
            -- There is no progress row to lock yet: the user's row stands in for it.
            perform
            from lockstep.users as person
            where person.id = v_pair.user_id
            for no key update skip locked;
        end if;

        v_is_free := found or not exists (
            select from lockstep.users as person
            where person.id = v_pair.user_id
        );

        if v_is_free then
            perform
            from lockstep.user_licenses as locked
            where locked.user_id = v_pair.user_id
                and locked.specialization_type = v_pair.specialization_id
            for no key update skip locked;

            v_is_free := found or not exists (
                select from lockstep.user_licenses as license
                where license.user_id = v_pair.user_id
                    and license.specialization_type = v_pair.specialization_id
            );
        end if;

        if not v_is_free then
            v_busy := v_busy || v_pair.items;
        end if;
    end loop;

    return v_busy;
end;
$function$;

comment on function lockstep.lock_free_pairs(lockstep.batch_item[]) is
$comment$Locks the pairs of a batch that nobody holds, and waits for none. Returns the items of those that somebody holds.

Locks the rows of users who lack a pair, then specialization_progress, then user_licenses, where they are free.$comment$;

revoke all on function lockstep.lock_free_pairs(lockstep.batch_item[]) from public;
