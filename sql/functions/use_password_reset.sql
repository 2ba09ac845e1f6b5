create or replace function lockstep.use_password_reset(
    p_user_id bigint,
    p_token_hash bytea,
    p_new_hash text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_password_reset(p_user_id, p_token_hash);
    -- Takes the reset away.
    perform lockstep.write_password(p_user_id, p_new_hash);
    perform lockstep.end_sessions(p_user_id, 'password_changed');
end;
$function$;

comment on function lockstep.use_password_reset(bigint, bytea, text) is
$comment$Gives the person of a reset the password of their choice, and ends their sessions. A token does this once.

Raises LS035 not a good token, 23514 not an argon2id hash. Locks the person, then the sessions.$comment$;

revoke all on function lockstep.use_password_reset(bigint, bytea, text) from public;
grant execute on function lockstep.use_password_reset(bigint, bytea, text) to lockstep_auth;
