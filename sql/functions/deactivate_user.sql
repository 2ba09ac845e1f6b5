create or replace function lockstep.deactivate_user(
    p_actor_id bigint,
    p_user_id bigint
)
returns lockstep.people
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_person lockstep.people;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id, p_stays_admin => false);
    perform lockstep.check_not_erased(p_user_id);

    update lockstep.users as person
    set is_active = false,
        updated_at = clock_timestamp()
    where person.id = p_user_id
        and person.is_active;

    perform lockstep.end_sessions(p_user_id, 'deactivated');

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = p_user_id;

    return v_person;
end;
$function$;

comment on function lockstep.deactivate_user(bigint, bigint) is
$comment$Shuts a person out, by an admin: no sign-in any more, and every session ends at once. What they earned stays.

Returns the person; again changes nothing.
Raises LS001 no such user, LS031 the actor is no admin, LS041 the last admin, LS043 erased.
Locks the user's row; of an admin, those of all active admins.$comment$;

revoke all on function lockstep.deactivate_user(bigint, bigint) from public;
grant execute on function lockstep.deactivate_user(bigint, bigint) to lockstep_admin;
