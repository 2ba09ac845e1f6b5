create or replace function lockstep.change_user(
    p_actor_id bigint,
    p_user_id bigint,
    p_email text default null,
    p_name text default null,
    p_role text default null
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
    perform lockstep.lock_account(p_actor_id, p_user_id, coalesce(p_role, 'admin') = 'admin');
    perform lockstep.check_not_erased(p_user_id);

    if p_email is not null then
        perform lockstep.check_email(p_email);
    end if;

    begin
        update lockstep.users as person
        set email = coalesce(p_email, person.email),
            name = coalesce(p_name, person.name),
            role = coalesce(p_role, person.role),
            updated_at = clock_timestamp()
        where person.id = p_user_id
            and (person.email, person.name, person.role)
            <> (coalesce(p_email, person.email), coalesce(p_name, person.name), coalesce(p_role, person.role));
    exception
        when unique_violation then
            raise exception using
                errcode = 'LS042',
                message = 'this e-mail address is taken',
                detail = format('email=%s', p_email),
                hint = 'Find who has it: list_users() searches by the beginning of an address.';
    end;

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = p_user_id;

    return v_person;
end;
$function$;

comment on function lockstep.change_user(bigint, bigint, text, text, text) is
$comment$Changes the e-mail address, the name, or the role of a person, by an admin; what is null stays.

Returns the person. Another role holds from their next request on.
Raises LS001 no such user, LS006 no e-mail address, LS031 the actor is no admin, LS041 the last admin,
LS042 address taken, LS043 erased, 23514 no such role.
Locks the user's row; of an admin who is to be none, those of all active admins.$comment$;

revoke all on function lockstep.change_user(bigint, bigint, text, text, text) from public;
grant execute on function lockstep.change_user(bigint, bigint, text, text, text) to lockstep_admin;
