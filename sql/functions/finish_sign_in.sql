create or replace function lockstep.finish_sign_in(
    p_user_id bigint,
    p_password_hash text,
    p_address inet,
    p_token_hash bytea,
    p_newer_hash text default null
)
returns lockstep.signed_in
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_password_hash(p_user_id, p_password_hash);
    perform lockstep.forget_attempt(p_user_id, p_address);

    if p_newer_hash is not null then
        update lockstep.credentials as credential
        set password_hash = p_newer_hash
        where credential.user_id = p_user_id;
    end if;

    return lockstep.start_session(p_user_id, p_address, p_token_hash);
end;
$function$;

comment on function lockstep.finish_sign_in(bigint, text, inet, bytea, text) is
$comment$Signs somebody in whose password was compared with this hash, and is right.

A newer hash of the same password replaces it. Returns the session. Raises LS030 account not active,
LS034 the password was changed since start_sign_in(). Locks the person, then the counts.$comment$;

revoke all on function lockstep.finish_sign_in(bigint, text, inet, bytea, text) from public;
grant execute on function lockstep.finish_sign_in(bigint, text, inet, bytea, text) to lockstep_auth;
