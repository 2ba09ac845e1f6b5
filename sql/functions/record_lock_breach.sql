create or replace function lockstep.record_lock_breach(
    p_user_id bigint,
    p_specialization_id text,
    p_source text,
    p_waited interval,
    p_blocker_pid integer,
    p_blocker_application text,
    p_blocker_role text,
    p_blocker_state text,
    p_blocker_transaction_start timestamptz,
    p_blocker_query text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_user(p_user_id);

    insert into lockstep.lock_breaches (
        user_id, specialization_id, source, waited, blocker_pid, blocker_application, blocker_role,
        blocker_state, blocker_transaction_start, blocker_query
    )
    values (
        p_user_id, p_specialization_id, p_source, p_waited, p_blocker_pid, p_blocker_application, p_blocker_role,
        p_blocker_state, p_blocker_transaction_start, left(p_blocker_query, 1000)
    );
end;
$function$;

comment on function lockstep.record_lock_breach(
    bigint, text, text, interval, integer, text, text, text, timestamptz, text
) is
$comment$Writes down a breach of the lock budget, as note_lock_breach() has seen it.

Raises LS001 no such user, 23514 another source than http, queue or client.$comment$;

revoke all on function lockstep.record_lock_breach(
    bigint, text, text, interval, integer, text, text, text, timestamptz, text
) from public;
grant execute on function lockstep.record_lock_breach(
    bigint, text, text, interval, integer, text, text, text, timestamptz, text
) to lockstep_app, lockstep_admin;
