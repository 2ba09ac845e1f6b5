create or replace view lockstep.incidents as
select
    incident.id as incident_id,
    incident.kind,
    incident.subject,
    known.severity,
    known.title,
    incident.cause,
    incident.last_cause,
    incident.opened_at,
    incident.last_seen_at,
    incident.times_seen,
    incident.times_reopened,
    incident.closed_at,
    coalesce(incident.closed_at, clock_timestamp()) - incident.opened_at as duration,
    case
        when opened.sent_at is not null then 'sent'
        when opened.set_aside_at is not null then 'set_aside'
        when opened.attempts > 0 then 'retrying'
        when opened.id is not null then 'waiting'
    end as opened_mail,
    case
        when closed.sent_at is not null then 'sent'
        when closed.set_aside_at is not null then 'set_aside'
        when closed.attempts > 0 then 'retrying'
        when closed.id is not null then 'waiting'
    end as closed_mail,
    known.look,
    known.mend
from lockstep.noted_incidents as incident
inner join lockstep.incident_kinds as known
    on known.kind = incident.kind
left outer join lockstep.incident_mails as opened
    on opened.incident_id = incident.id
    and opened.event = 'opened'
left outer join lockstep.incident_mails as closed
    on closed.incident_id = incident.id
    and closed.event = 'closed';

comment on view lockstep.incidents is 'What went wrong, from when to when, and whether it was told; open ones have no closed_at.';
comment on column lockstep.incidents.duration is 'From its opening to its end, or until now.';
comment on column lockstep.incidents.opened_mail is 'waiting, retrying (a delivery failed), sent or set_aside.';
comment on column lockstep.incidents.closed_mail is 'The same of the mail that tells of its end; null while it is open.';

grant select on lockstep.incidents to lockstep_admin, lockstep_readonly;
