create or replace function lockstep.lock_before_insert(
    p_user_id bigint,
    p_specialization_id text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform
    from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    perform
    from lockstep.specialization_progress as progress
    where progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id
    for no key update;
end;
$function$;

comment on function lockstep.lock_before_insert(bigint, text) is
$comment$Locks what a raw INSERT of either side must hold before it writes.

Locks the user's row, then specialization_progress.$comment$;

revoke all on function lockstep.lock_before_insert(bigint, text) from public;
