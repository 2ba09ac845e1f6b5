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
    v_new_user_ids bigint[];
    v_user_ids bigint[];
    v_progress_ids bigint[];
    v_license_ids bigint[];
begin
    v_new_user_ids := array(
        select distinct item.user_id
        from unnest(p_items) as item
        where not exists (
            select from lockstep.specialization_progress as progress
            where progress.student_id = item.user_id
                and progress.specialization_id = item.specialization_id
        )
    );

    -- There is no progress row to lock yet: the user's row stands in for it.
    v_user_ids := array(
        select person.id
        from lockstep.users as person
        where person.id = any(v_new_user_ids)
        order by person.id
        for no key update skip locked
    );

    -- Lock order, everywhere: specialization_progress, then user_licenses; nothing here waits.
    v_progress_ids := array(
        select locked.id
        from lockstep.specialization_progress as locked
        where (locked.student_id, locked.specialization_id) in (
            select item.user_id, item.specialization_id
            from unnest(p_items) as item
        )
        order by locked.student_id, locked.specialization_id
        for no key update skip locked
    );

    v_license_ids := array(
        select locked.id
        from lockstep.user_licenses as locked
        where (locked.user_id, locked.specialization_type) in (
            select item.user_id, item.specialization_id
            from unnest(p_items) as item
        )
        order by locked.user_id, locked.specialization_type
        for no key update skip locked
    );

    return array(
        select item
        from unnest(p_items) as item
        left outer join lockstep.specialization_progress as progress
            on progress.student_id = item.user_id
            and progress.specialization_id = item.specialization_id
            and progress.id <> all(v_progress_ids)
        left outer join lockstep.user_licenses as license
            on license.user_id = item.user_id
            and license.specialization_type = item.specialization_id
            and license.id <> all(v_license_ids)
        where progress.id is not null
            or license.id is not null
            or (item.user_id = any(v_new_user_ids) and item.user_id <> all(v_user_ids))
    );
end;
$function$;

comment on function lockstep.lock_free_pairs(lockstep.batch_item[]) is
$comment$Locks the pairs of a batch that nobody holds, and waits for none. Returns the items of those that somebody holds.

Locks the rows of users who lack a pair, then specialization_progress, then user_licenses, where they are free.$comment$;

revoke all on function lockstep.lock_free_pairs(lockstep.batch_item[]) from public;
