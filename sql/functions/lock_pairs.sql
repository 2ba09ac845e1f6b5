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
    v_user_ids bigint[];
begin
    v_user_ids := array(
        select distinct item.user_id
        from unnest(p_items) as item
        where not exists (
            select from lockstep.specialization_progress as progress
            where progress.student_id = item.user_id
                and progress.specialization_id = item.specialization_id
        )
    );

    if v_user_ids <> '{}' then
        -- There is no progress row to lock yet: the user's row stands in for it.
        perform
        from lockstep.users as person
        where person.id = any(v_user_ids)
        order by person.id
        for no key update;
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses, several keys sorted.
    perform
    from lockstep.specialization_progress as locked
    where (locked.student_id, locked.specialization_id) in (
        select item.user_id, item.specialization_id
        from unnest(p_items) as item
    )
    order by locked.student_id, locked.specialization_id
    for no key update;

    perform
    from lockstep.user_licenses as locked
    where (locked.user_id, locked.specialization_type) in (
        select item.user_id, item.specialization_id
        from unnest(p_items) as item
    )
    order by locked.user_id, locked.specialization_type
    for no key update;
end;
$function$;

comment on function lockstep.lock_pairs(lockstep.batch_item[]) is
$comment$Locks every pair of a batch, both sides, and waits for those that somebody holds.

Locks the rows of users who lack a pair, then specialization_progress, then user_licenses, each sorted.$comment$;

revoke all on function lockstep.lock_pairs(lockstep.batch_item[]) from public;
