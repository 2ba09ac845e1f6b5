create or replace function lockstep.note_incident(
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
    v_cause constant jsonb := coalesce(p_cause, '{}');
    v_incident_id bigint;
begin
    -- Lock order: the kind, then the incident, then its mails.
    perform from lockstep.incident_kinds as known
    where known.kind = p_kind
    for no key update;

    if not found or p_subject is null or jsonb_typeof(v_cause) <> 'object' then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format(
                'kind %s, subject %s, cause of type %s', coalesce(p_kind, 'null'), coalesce(p_subject, 'null'),
                jsonb_typeof(v_cause)
            ),
            hint = 'See lockstep.incident_kinds for the kinds; a subject is not null, a cause is an object.';
    end if;

    update lockstep.noted_incidents as incident
    set last_seen_at = clock_timestamp(),
        times_seen = incident.times_seen + 1,
        last_cause = v_cause
    where incident.kind = p_kind
        and incident.subject = p_subject
        and incident.closed_at is null
    returning incident.id into v_incident_id;

    if not found then
        v_incident_id := lockstep.reopen_incident(p_kind, p_subject, v_cause);
    end if;

    if v_incident_id is null then
        insert into lockstep.noted_incidents (kind, subject, cause, last_cause)
        values (p_kind, p_subject, v_cause, v_cause)
        returning id into v_incident_id;

        insert into lockstep.incident_mails (incident_id, event)
        values (v_incident_id, 'opened');
    end if;

    return v_incident_id;
end;
$function$;

comment on function lockstep.note_incident(text, text, jsonb) is
$comment$Opens an incident of this kind and subject, with its mail; where one is open, counts it as seen again.

One that was over for less than the setting incident_quiet, and whose close was not told yet, goes on as if it had
never ended. Neither subject nor cause names a person. Returns its id. Raises LS006 unknown kind, or a cause that
is no object. Locks the kind, so that of two who call at once the second counts; several kinds: in their order.$comment$;

revoke all on function lockstep.note_incident(text, text, jsonb) from public;
grant execute on function lockstep.note_incident(text, text, jsonb) to lockstep_admin;
