create or replace function lockstep.reopen_incident(
    p_kind text,
    p_subject text,
    p_cause jsonb
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_incident_id bigint;
begin
    -- A mail that is being delivered is locked, and counts as sent.
    delete from lockstep.incident_mails as mail
    where mail.id = (
        select untold.id
        from lockstep.incident_mails as untold
        inner join lockstep.noted_incidents as incident
            on incident.id = untold.incident_id
        where incident.kind = p_kind
            and incident.subject = p_subject
            and incident.closed_at > clock_timestamp() - lockstep.setting('incident_quiet')::interval
            and untold.event = 'closed'
            and untold.sent_at is null
        order by incident.closed_at desc
        limit 1
        for no key update of untold skip locked
    )
    returning mail.incident_id into v_incident_id;

    update lockstep.noted_incidents as incident
    set closed_at = null,
        last_seen_at = clock_timestamp(),
        times_seen = incident.times_seen + 1,
        times_reopened = incident.times_reopened + 1,
        last_cause = p_cause
    where incident.id = v_incident_id;

    return v_incident_id;
end;
$function$;

comment on function lockstep.reopen_incident(text, text, jsonb) is
$comment$Takes back the close of an incident that came again within the setting incident_quiet, and the mail of it.

For note_incident(), which holds the kind. Returns its id, null where there is none or its close was told.
Locks the mail, then the incident; waits for nobody who delivers it.$comment$;

revoke all on function lockstep.reopen_incident(text, text, jsonb) from public;
