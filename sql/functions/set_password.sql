create or replace function lockstep.set_password(
    p_email text,
    p_password_hash text
)
returns lockstep.users
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_person lockstep.users;
begin
    select person.*
    into v_person
    from lockstep.users as person
    where lower(person.email) = lower(p_email);

    if not found then
        raise exception using
            errcode = 'LS001',
            message = 'user not found',
            detail = format('email=%s', coalesce(p_email, 'null')),
            hint = 'See lockstep.users for those that exist.';
    end if;

    perform lockstep.write_password(v_person.id, p_password_hash);
    perform lockstep.end_sessions(v_person.id, 'password_changed');

    return v_person;
end;
$function$;

comment on function lockstep.set_password(text, text) is
$comment$Gives the person with this e-mail address a password, and ends their sessions. For the operator, on the console.

Returns the person. Raises LS001 no such user, 23514 not an argon2id hash. Locks the person, then the sessions.$comment$;

-- To nobody: with it an application could sign in as anybody.
revoke all on function lockstep.set_password(text, text) from public;
