create or replace function lockstep.end_sessions(
    p_user_id bigint,
    p_reason text,
    p_but_session_id uuid default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_ended bigint;
begin
    update lockstep.sessions as session
    set ended_at = clock_timestamp(),
        end_reason = p_reason
    where session.user_id = p_user_id
        and session.id is distinct from p_but_session_id
        and session.ended_at is null;

    get diagnostics v_ended = row_count;
    return v_ended;
end;
$function$;

comment on function lockstep.end_sessions(bigint, text, uuid) is
$comment$Ends the sessions of a person, all or all but one: their tokens are good for nothing from the commit on.

Returns how many. Locks them.$comment$;

revoke all on function lockstep.end_sessions(bigint, text, uuid) from public;
