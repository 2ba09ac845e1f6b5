create or replace function lockstep.change_password(
    p_actor_id bigint,
    p_session_id uuid,
    p_address inet,
    p_password_hash text,
    p_new_hash text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_password_hash(p_actor_id, p_password_hash);
    perform lockstep.forget_attempt(p_actor_id, p_address);
    perform lockstep.write_password(p_actor_id, p_new_hash);
    perform lockstep.end_sessions(p_actor_id, 'password_changed', p_session_id);
end;
$function$;

comment on function lockstep.change_password(bigint, uuid, inet, text, text) is
$comment$Gives somebody a new password whose present one was compared with this hash, and is right.

This session goes on, their others end. Raises LS034 the password was changed since start_password_change(),
23514 not an argon2id hash. Locks the person, the counts, then the sessions.$comment$;

revoke all on function lockstep.change_password(bigint, uuid, inet, text, text) from public;
grant execute on function lockstep.change_password(bigint, uuid, inet, text, text) to lockstep_auth;
