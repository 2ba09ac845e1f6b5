create or replace function lockstep.end_session(
    p_actor_id bigint,
    p_session_id uuid
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update lockstep.sessions as session
    set ended_at = clock_timestamp(),
        end_reason = 'signed_out'
    where session.user_id = p_actor_id
        and session.id = p_session_id
        and session.ended_at is null;
end;
$function$;

comment on function lockstep.end_session(bigint, uuid) is
$comment$Signs somebody out of one session, with all its tokens; one that is over stays as it ended. Locks it.$comment$;

revoke all on function lockstep.end_session(bigint, uuid) from public;
grant execute on function lockstep.end_session(bigint, uuid) to lockstep_auth;
