create or replace function lockstep.watch_incidents()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_code text;
    v_text text;
begin
    -- Whoever asks has done its own work already, and is not kept waiting for long.
    perform set_config('lock_timeout', '2s', true);

    begin
        return lockstep.check_incidents();
    exception
        when others then
            get stacked diagnostics v_code = returned_sqlstate, v_text = message_text;
    end;

    raise warning using
        errcode = v_code,
        message = 'incidents could not be checked',
        detail = v_text,
        hint = 'Runs and health checks are not concerned: select lockstep.check_incidents() shows what is wrong.';

    begin
        perform lockstep.note_incident(
            'unhealthy', 'incidents', jsonb_build_object('sqlstate', v_code, 'message', v_text)
        );
    exception
        when others then
            raise warning using errcode = sqlstate, message = 'this could not be noted either', detail = sqlerrm;
    end;

    return null;
end;
$function$;

comment on function lockstep.watch_incidents() is
$comment$check_incidents() for those who must not fail for it: runs, health checks, deliveries of mails.

Returns how many conditions hold, null where they could not be checked: then it says so as a warning, which is in the
server's log and on the caller's stderr, and notes it as an incident (unhealthy, incidents), which the next check that
succeeds closes. Waits for a lock for 2 s at most.$comment$;

revoke all on function lockstep.watch_incidents() from public;
grant execute on function lockstep.watch_incidents() to lockstep_admin;
