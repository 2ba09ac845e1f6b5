create or replace function lockstep.purge_sign_ins()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_before timestamptz := now() - lockstep.setting('sign_in_memory')::interval;
    v_purged bigint;
    v_sum bigint;
begin
    delete from lockstep.password_resets as reset
    where reset.expires_at < now();

    get diagnostics v_sum = row_count;

    delete from lockstep.sign_in_attempts as attempt
    where attempt.last_at < v_before;

    get diagnostics v_purged = row_count;
    v_sum := v_sum + v_purged;

    -- Its tokens go with a session.
    delete from lockstep.sessions as session
    where session.expires_at < v_before
        or session.ended_at < v_before;

    get diagnostics v_purged = row_count;
    return v_sum + v_purged;
end;
$function$;

comment on function lockstep.purge_sign_ins() is
$comment$Deletes sessions over, and failed sign-ins past, for longer than the setting sign_in_memory (a day unless
changed), and password resets that expired.

Returns how many.$comment$;

revoke all on function lockstep.purge_sign_ins() from public;
grant execute on function lockstep.purge_sign_ins() to lockstep_admin;
