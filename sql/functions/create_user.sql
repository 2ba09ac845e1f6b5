create or replace function lockstep.create_user(
    p_actor_id bigint,
    p_email text,
    p_name text,
    p_role text default 'student',
    p_password_hash text default null
)
returns lockstep.people
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_id bigint;
    v_person lockstep.people;
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_email(p_email);

    -- Looked up first: an insert that conflicts burns a number of the sequence.
    if not exists (
        select from lockstep.users as known
        where lower(known.email) = lower(p_email)
    ) then
        insert into lockstep.users (email, name, role)
        values (p_email, p_name, p_role)
        on conflict (lower(email)) do nothing
        returning users.id into v_id;
    end if;

    if v_id is null then
        raise exception using
            errcode = 'LS042',
            message = 'this e-mail address is taken',
            detail = format('email=%s', p_email),
            hint = 'Find who has it: list_users() searches by the beginning of an address.';
    end if;

    if p_password_hash is not null then
        perform lockstep.write_password(v_id, p_password_hash);
    end if;

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = v_id;

    return v_person;
end;
$function$;

comment on function lockstep.create_user(bigint, text, text, text, text) is
$comment$Makes an account, by an admin. Without a password the person signs in by OpenID, or gets a reset.

Returns the person. Of many who make the same account at once one does, the others are refused.
Raises LS006 no e-mail address, LS031 the actor is no admin, LS042 address taken, 23514 no such role, or a
password that is not hashed. Locks nothing; waits for another who takes the same address.$comment$;

revoke all on function lockstep.create_user(bigint, text, text, text, text) from public;
grant execute on function lockstep.create_user(bigint, text, text, text, text) to lockstep_admin;
