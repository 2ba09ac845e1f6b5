create or replace function lockstep.authenticate(
    p_user_id bigint,
    p_session_id uuid,
    p_roles text[]
)
returns lockstep.users
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_person lockstep.users;
begin
    select person.*
    into v_person
    from lockstep.users as person
    inner join lockstep.sessions as session
        on session.user_id = person.id
        and session.id = p_session_id
    where person.id = p_user_id
        and person.is_active
        and session.ended_at is null
        and session.expires_at > now();

    if not found then
        raise exception using
            errcode = 'LS030',
            message = 'not signed in',
            detail = 'the session has ended, or the account is not active',
            hint = 'Sign in again.';
    end if;

    if not v_person.role = any (p_roles) then
        raise exception using
            errcode = 'LS031',
            message = 'this is not for your role',
            detail = format('role=%s allowed=%s', v_person.role, array_to_string(p_roles, ',')),
            hint = 'Ask an admin.';
    end if;

    return v_person;
end;
$function$;

comment on function lockstep.authenticate(bigint, uuid, text[]) is
$comment$Whether this session goes on and its person may do what is for these roles; called first in every request.

Returns the person: a deactivation or another role holds from the next request on, whatever a token says.
Raises LS030 session over or account not active, LS031 another role. Locks nothing.$comment$;

revoke all on function lockstep.authenticate(bigint, uuid, text[]) from public;
grant execute on function lockstep.authenticate(bigint, uuid, text[])
to lockstep_app, lockstep_admin, lockstep_auth;
