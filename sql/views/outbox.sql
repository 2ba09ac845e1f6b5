create or replace view lockstep.outbox as
select
    mail.id as mail_id,
    mail.incident_id,
    mail.event,
    case
        when mail.sent_at is not null then 'sent'
        when mail.set_aside_at is not null then 'set_aside'
        when mail.attempts > 0 then 'retrying'
        else 'waiting'
    end as state,
    mail.created_at,
    mail.try_after,
    mail.attempts,
    mail.error,
    mail.sent_at,
    mail.set_aside_at,
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
    known.look,
    known.mend
from lockstep.incident_mails as mail
inner join lockstep.noted_incidents as incident
    on incident.id = mail.incident_id
inner join lockstep.incident_kinds as known
    on known.kind = incident.kind;

comment on view lockstep.outbox is 'The mails of incidents, each with what it tells, and how far it came.';
comment on column lockstep.outbox.state is 'waiting, retrying (a delivery failed), sent or set_aside.';

grant select on lockstep.outbox to lockstep_coupler, lockstep_admin, lockstep_readonly;
