-- Incidents (G4, G7): what went wrong, from when to when, and the mails that tell of it.

create table lockstep.incident_kinds (
    kind text not null,
    severity text not null,
    is_condition boolean not null,
    title text not null,
    look text not null,
    mend text not null,
    constraint incident_kinds_pkey primary key (kind),
    constraint ck_incident_kinds_severity check (severity in ('critical', 'warning'))
);

comment on table lockstep.incident_kinds is 'What can go wrong, and what a person does about it.';
comment on column lockstep.incident_kinds.kind is 'Its name in the calls of note_incident() and close_incident().';
comment on column lockstep.incident_kinds.severity is 'critical: somebody has to act now; warning: soon.';
comment on column lockstep.incident_kinds.is_condition is
'True where check_incidents() opens and closes it, by the view incident_conditions; else whoever notes it closes it.';
comment on column lockstep.incident_kinds.title is 'What it is, for the subject of a mail.';
comment on column lockstep.incident_kinds.look is 'The command that shows it.';
comment on column lockstep.incident_kinds.mend is 'The command that mends it, or where it is described.';
comment on constraint ck_incident_kinds_severity on lockstep.incident_kinds is 'How soon somebody has to act.';

create table lockstep.noted_incidents (
    id bigint generated always as identity,
    kind text not null,
    subject text not null,
    cause jsonb not null,
    last_cause jsonb not null,
    opened_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    times_seen bigint not null default 1,
    times_reopened integer not null default 0,
    closed_at timestamptz,
    constraint noted_incidents_pkey primary key (id),
    constraint fk_noted_incidents_kind foreign key (kind) references lockstep.incident_kinds (kind) on delete restrict,
    constraint ck_noted_incidents_cause check (jsonb_typeof(cause) = 'object' and jsonb_typeof(last_cause) = 'object')
);

create unique index uq_noted_incidents_open on lockstep.noted_incidents (kind, subject) where closed_at is null;
create index ix_noted_incidents_closed_at on lockstep.noted_incidents (closed_at);

comment on table lockstep.noted_incidents is 'One row an incident, kept after it is over; the view incidents shows them.';
comment on column lockstep.noted_incidents.kind is 'What went wrong.';
comment on column lockstep.noted_incidents.subject is 'What of this kind it is about: names no person.';
comment on column lockstep.noted_incidents.cause is 'Why it was opened, as an object: figures and names of things, no person.';
comment on column lockstep.noted_incidents.last_cause is 'The same, as it was seen last.';
comment on column lockstep.noted_incidents.times_seen is 'How often it was noted.';
comment on column lockstep.noted_incidents.times_reopened is 'How often it came again so soon that it is the same one (incident_quiet).';
comment on column lockstep.noted_incidents.closed_at is 'When it was over; null while it is open.';
comment on constraint fk_noted_incidents_kind on lockstep.noted_incidents is 'An incident is of a known kind.';
comment on constraint ck_noted_incidents_cause on lockstep.noted_incidents is 'A cause has names for what it says.';
comment on index lockstep.uq_noted_incidents_open is 'One open incident of a kind and subject.';
comment on index lockstep.ix_noted_incidents_closed_at is 'Serves the retention.';

create table lockstep.incident_mails (
    id bigint generated always as identity,
    incident_id bigint not null,
    event text not null,
    created_at timestamptz not null default clock_timestamp(),
    try_after timestamptz not null default clock_timestamp(),
    attempts integer not null default 0,
    error text,
    sent_at timestamptz,
    set_aside_at timestamptz,
    constraint incident_mails_pkey primary key (id),
    constraint uq_incident_mails_event unique (incident_id, event),
    constraint fk_incident_mails_incident foreign key (incident_id)
    references lockstep.noted_incidents (id) on delete cascade,
    constraint ck_incident_mails_event check (event in ('opened', 'closed')),
    constraint ck_incident_mails_end check (sent_at is null or set_aside_at is null)
);

create index ix_incident_mails_waiting on lockstep.incident_mails (try_after)
where sent_at is null and set_aside_at is null;

comment on table lockstep.incident_mails is
'The outbox: a mail is written in the transaction that opens or closes its incident, and is delivered later.';
comment on column lockstep.incident_mails.event is 'opened or closed.';
comment on column lockstep.incident_mails.try_after is 'Not to be delivered before this.';
comment on column lockstep.incident_mails.attempts is 'How often a delivery failed.';
comment on column lockstep.incident_mails.error is 'What the mail server, or the way to it, said last; of a sent one, who was refused.';
comment on column lockstep.incident_mails.sent_at is 'When a mail server took it.';
comment on column lockstep.incident_mails.set_aside_at is 'When it was given up: it needs somebody.';
comment on constraint uq_incident_mails_event on lockstep.incident_mails is 'One mail when it opens, one when it closes.';
comment on constraint fk_incident_mails_incident on lockstep.incident_mails is 'Mails go with their incident.';
comment on constraint ck_incident_mails_event on lockstep.incident_mails is 'What a mail tells of.';
comment on constraint ck_incident_mails_end on lockstep.incident_mails is 'A mail is sent, or set aside, or waits.';
comment on index lockstep.ix_incident_mails_waiting is 'Serves a delivery: the mails that wait.';

create table lockstep.incident_checks (
    is_only boolean not null default true,
    checked_at timestamptz not null,
    constraint incident_checks_pkey primary key (is_only),
    constraint ck_incident_checks_only check (is_only)
);

comment on table lockstep.incident_checks is 'One row: when check_incidents() was last through.';
comment on column lockstep.incident_checks.is_only is 'Always true: there is one row.';
comment on constraint ck_incident_checks_only on lockstep.incident_checks is 'There is one row.';

insert into lockstep.incident_checks (checked_at) values (now());

grant select, insert, update, delete on lockstep.noted_incidents, lockstep.incident_mails to lockstep_coupler;
grant select, update on lockstep.incident_kinds, lockstep.incident_checks to lockstep_coupler;

insert into lockstep.incident_kinds (kind, severity, is_condition, title, look, mend)
values
(
    'desync_found', 'critical', true, 'pairs were found out of step',
    'flask --app app sync find', 'make reconcile; docs/operations.md, "Something is out of step"'
),
(
    'run_failed', 'critical', true, 'a repair failed',
    'flask --app app sync runs', 'flask --app app sync apply RUN, or make reconcile'
),
(
    'guards_broken', 'critical', true, 'guards are not as installed',
    'make guards', 'make functions; what it does not mend is put back by hand'
),
(
    'no_run', 'critical', true, 'a scheduled job is silent',
    'flask --app app sync health --no-check',
    'make schedule, or look at cron or the systemd timer; then make reconcile health'
),
(
    'unhealthy', 'critical', true, 'health needs attention',
    'flask --app app sync health --no-check', 'make health; docs/operations.md, "Something is out of step"'
),
(
    'connections', 'warning', false, 'too many connections are in use',
    'make psql ARGS="-c ''select * from lockstep.pool_usage''"', 'docs/operations.md, "Runbook"'
),
(
    'lock_wait', 'warning', false, 'sessions wait too long for a lock',
    'make psql ARGS="-c ''select * from lockstep.lock_tree''"', 'docs/operations.md, "Runbook"'
),
(
    'error_rate', 'warning', false, 'too many requests fail',
    'the log of the service', 'docs/operations.md, "Runbook"'
),
(
    'statement_regression', 'warning', false, 'a statement became slower',
    'make psql ARGS="-c ''select * from lockstep.statement_stats''"', 'docs/operations.md, "Runbook"'
);

insert into lockstep.settings (name, value, kind, description)
values
('incident_quiet', '15 minutes', 'interval', 'An incident back within it is the same one; its close is mailed after it.'),
('incident_retention', '365 days', 'interval', 'How long incidents that are over are kept.'),
('mail_attempts', '20', 'integer', 'Deliveries of a mail that may fail before it is set aside.'),
('mail_retry_pause', '1 minute', 'interval', 'Pause after a delivery that failed; twice as long each time, at most an hour.');
