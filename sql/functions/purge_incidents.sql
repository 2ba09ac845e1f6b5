create or replace function lockstep.purge_incidents()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_purged bigint;
begin
    -- Its mails go with an incident.
    delete from lockstep.noted_incidents as incident
    where incident.closed_at < now() - lockstep.setting('incident_retention')::interval
        -- What is still to be told is told first.
        and not exists (
            select from lockstep.incident_mails as mail
            where mail.incident_id = incident.id
                and mail.sent_at is null
                and mail.set_aside_at is null
        );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$function$;

comment on function lockstep.purge_incidents() is
$comment$Deletes incidents that have been over for longer than the setting incident_retention (a year unless changed),
but none with a mail that is still to be sent.

Returns how many.$comment$;

revoke all on function lockstep.purge_incidents() from public;
grant execute on function lockstep.purge_incidents() to lockstep_admin;
