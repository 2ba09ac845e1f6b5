create or replace function lockstep.retry_mails()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_retried bigint;
begin
    update lockstep.incident_mails as mail
    set set_aside_at = null,
        attempts = 0,
        try_after = clock_timestamp()
    where mail.set_aside_at is not null;

    get diagnostics v_retried = row_count;
    return v_retried;
end;
$function$;

comment on function lockstep.retry_mails() is
'Puts every mail that was set aside back, to be delivered now, with as many attempts as before. Returns how many. Locks them.';

revoke all on function lockstep.retry_mails() from public;
grant execute on function lockstep.retry_mails() to lockstep_admin;
