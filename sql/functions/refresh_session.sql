create or replace function lockstep.refresh_session(
    p_user_id bigint,
    p_token_hash bytea,
    p_next_hash bytea
)
returns lockstep.signed_in
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_session_id uuid;
    v_session lockstep.sessions;
    v_person lockstep.users;
begin
    select token.session_id
    into v_session_id
    from lockstep.refresh_tokens as token
    where token.user_id = p_user_id
        and token.token_hash = p_token_hash;

    -- Of two at once the second waits here, and then finds its token used, or the session over.
    select session.*
    into v_session
    from lockstep.sessions as session
    where session.user_id = p_user_id
        and session.id = v_session_id
    for no key update;

    select person.*
    into v_person
    from lockstep.users as person
    where person.id = v_session.user_id
        and person.is_active
        and v_session.ended_at is null
        and v_session.expires_at > clock_timestamp();

    if not found then
        raise exception using
            errcode = 'LS030',
            message = 'not signed in',
            detail = 'the refresh token is not good, or not any more',
            hint = 'Sign in again.';
    end if;

    update lockstep.refresh_tokens as token
    set used_at = clock_timestamp()
    where token.user_id = p_user_id
        and token.token_hash = p_token_hash
        and token.used_at is null;

    if not found then
        -- Answered, not raised: a raise would roll back what it is about.
        update lockstep.sessions as session
        set ended_at = clock_timestamp(),
            end_reason = 'reused'
        where session.user_id = v_session.user_id
            and session.id = v_session.id;

        return row(v_person.id, v_session.id, v_person.role, 'reused'::text);
    end if;

    insert into lockstep.refresh_tokens (user_id, token_hash, session_id)
    values (v_session.user_id, p_next_hash, v_session.id);

    return row(v_person.id, v_session.id, v_person.role, null::text);
end;
$function$;

comment on function lockstep.refresh_session(bigint, bytea, bytea) is
$comment$Takes a refresh token, once, and keeps the hash of the next one.

Returns the session. One that comes a second time was stolen from somebody: its session ends, and the answer says
so as end_reason reused instead of an error, which would take that back; whoever called must commit, then refuse.
Raises LS030 no such token, session over or account not active, 23514 not a hash of 32 bytes.
Locks the session.$comment$;

revoke all on function lockstep.refresh_session(bigint, bytea, bytea) from public;
grant execute on function lockstep.refresh_session(bigint, bytea, bytea) to lockstep_auth;
