create or replace function lockstep.start_session(
    p_user_id bigint,
    p_address inet,
    p_token_hash bytea
)
returns lockstep.signed_in
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_person lockstep.users;
    v_session_id uuid;
begin
    v_person := lockstep.lock_person(p_user_id);

    insert into lockstep.sessions (user_id, expires_at, address)
    values (v_person.id, now() + lockstep.setting('session_lifetime')::interval, p_address)
    returning id into v_session_id;

    insert into lockstep.refresh_tokens (user_id, token_hash, session_id)
    values (v_person.id, p_token_hash, v_session_id);

    return row(v_person.id, v_session_id, v_person.role, null::text);
end;
$function$;

comment on function lockstep.start_session(bigint, inet, bytea) is
$comment$Starts a session of somebody of whom it is known who they are, with its first refresh token.

Raises LS030 account not active, 23514 not a hash of 32 bytes. Locks the person.$comment$;

revoke all on function lockstep.start_session(bigint, inet, bytea) from public;
grant execute on function lockstep.start_session(bigint, inet, bytea) to lockstep_auth;
