create or replace function lockstep.reactivate_user(
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
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_not_erased(p_user_id);

    update lockstep.users as person
    set is_active = true,
        updated_at = clock_timestamp()
    where person.id = p_user_id
        and not person.is_active;

    if found then
        -- A sign-in that raced with the deactivation, or raw SQL, may have left one open.
        perform lockstep.end_sessions(p_user_id, 'deactivated');
    end if;

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = p_user_id;

    return v_person;
end;
$function$;

comment on function lockstep.reactivate_user(bigint, bigint) is
$comment$Lets a person in again, by an admin. Sessions of before do not come back: they sign in anew.

Returns the person; again changes nothing.
Raises LS001 no such user, LS031 the actor is no admin, LS043 erased. Locks the user's row.$comment$;

revoke all on function lockstep.reactivate_user(bigint, bigint) from public;
grant execute on function lockstep.reactivate_user(bigint, bigint) to lockstep_admin;
