create or replace function lockstep.note_lock_breach(
    p_user_id bigint,
    p_specialization_id text,
    p_source text,
    p_waited interval
)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_blocker record;
begin
    select
        holder.pid,
        session.application_name,
        session.usename,
        session.state,
        session.xact_start,
        session.query
    into v_blocker
    from unnest(lockstep.lock_holders(p_user_id, p_specialization_id)) as holder (pid)
    left outer join pg_catalog.pg_stat_activity as session
        on session.pid = holder.pid
    order by session.xact_start
    limit 1;

    perform lockstep.record_lock_breach(
        p_user_id, p_specialization_id, p_source, p_waited, v_blocker.pid, v_blocker.application_name,
        v_blocker.usename, v_blocker.state, v_blocker.xact_start, v_blocker.query
    );

    return v_blocker.pid;
end;
$function$;

comment on function lockstep.note_lock_breach(bigint, text, text, interval) is
$comment$To be called right after 55P03, in a new transaction: records the wait, and who holds the pair by now.

p_source: http, queue or client. Runs as the caller, because what another session does is shown to its own role
and to members of pg_monitor only. Returns the blocker's process id; null: it has let go in between.
Raises LS001 no such user.$comment$;

revoke all on function lockstep.note_lock_breach(bigint, text, text, interval) from public;
grant execute on function lockstep.note_lock_breach(bigint, text, text, interval)
to lockstep_app, lockstep_admin;
