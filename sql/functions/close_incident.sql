create or replace function lockstep.close_incident(
    p_kind text,
    p_subject text
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_incident_id bigint;
begin
    -- Lock order: the kind, then the incident, then its mails.
    perform from lockstep.incident_kinds as known
    where known.kind = p_kind
    for no key update;

    update lockstep.noted_incidents as incident
    set closed_at = clock_timestamp()
    where incident.kind = p_kind
        and incident.subject = p_subject
        and incident.closed_at is null
    returning incident.id into v_incident_id;

    if not found then
        return false;
    end if;

    insert into lockstep.incident_mails (incident_id, event, try_after)
    values (v_incident_id, 'closed', clock_timestamp() + lockstep.setting('incident_quiet')::interval);

    return true;
end;
$function$;

comment on function lockstep.close_incident(text, text) is
$comment$Closes the open incident of this kind and subject, with a mail that waits for the setting incident_quiet.

Returns whether there was one. Locks the kind, then the incident.$comment$;

revoke all on function lockstep.close_incident(text, text) from public;
grant execute on function lockstep.close_incident(text, text) to lockstep_admin;
