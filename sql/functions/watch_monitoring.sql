create or replace function lockstep.watch_monitoring()
returns boolean
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
    perform lockstep.sample_monitoring();
    return true;
exception
    when others then
        get stacked diagnostics v_code = returned_sqlstate, v_text = message_text;

        raise warning using
            errcode = v_code,
            message = 'connections, locks and requests could not be sampled',
            detail = v_text,
            hint = 'Health checks are not concerned: select lockstep.sample_monitoring() shows what is wrong.';

        return false;
end;
$function$;

comment on function lockstep.watch_monitoring() is
$comment$sample_monitoring() for the job of every five minutes, which must not fail for it.

Returns whether it was done; if not, says why as a warning, which is in the server's log and on the caller's stderr.
Waits for a lock for 2 s at most.$comment$;

revoke all on function lockstep.watch_monitoring() from public;
grant execute on function lockstep.watch_monitoring() to lockstep_admin;
