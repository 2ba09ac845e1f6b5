-- Monitoring (G3-G5): samples, breaches of thresholds, counts of requests, a baseline of statements.

-- What other sessions do is shown to their own role and to members of this one. The views of monitoring ask
-- through functions of lockstep_coupler, which show this database's sessions only, without string literals.
do $$
begin
    if not pg_has_role('lockstep_coupler', 'pg_read_all_stats', 'usage') then
        grant pg_read_all_stats to lockstep_coupler;
    end if;
exception
    when insufficient_privilege then
        raise notice 'lock_waits and pool_usage show no queries until a superuser says: grant pg_read_all_stats to lockstep_coupler';
    when unique_violation then
        raise debug 'granted by another migrator at the same time';
end
$$;

create table lockstep.monitoring_samples (
    id bigint generated always as identity,
    sampled_at timestamptz not null default clock_timestamp(),
    connections integer not null,
    active integer not null,
    idle integer not null,
    idle_in_transaction integer not null,
    waiting integer not null,
    longest_wait interval not null,
    lock_breaches integer not null,
    requests bigint not null,
    errors bigint not null,
    conflicts bigint not null,
    retries bigint not null,
    constraint monitoring_samples_pkey primary key (id)
);

create index ix_monitoring_samples_sampled_at on lockstep.monitoring_samples (sampled_at);

comment on table lockstep.monitoring_samples is 'What sample_monitoring() saw, one row a look.';
comment on column lockstep.monitoring_samples.connections is 'Clients of this database.';
comment on column lockstep.monitoring_samples.active is 'Of those, the ones that ran a statement.';
comment on column lockstep.monitoring_samples.idle is 'Of those, the ones that had nothing to do.';
comment on column lockstep.monitoring_samples.idle_in_transaction is
'Of those, the ones that had a transaction open and did nothing.';
comment on column lockstep.monitoring_samples.waiting is 'Of those, the ones that waited for a lock.';
comment on column lockstep.monitoring_samples.longest_wait is 'How long the longest of these waits was by then.';
comment on column lockstep.monitoring_samples.lock_breaches is
'Waits that applications gave up and recorded since the sample before (note_lock_breach).';
comment on column lockstep.monitoring_samples.requests is
'HTTP requests that were counted since the sample before, without probes.';
comment on column lockstep.monitoring_samples.errors is 'Of those, the ones answered 5xx.';
comment on column lockstep.monitoring_samples.conflicts is 'Of those, the ones answered 409 or 412: no error.';
comment on column lockstep.monitoring_samples.retries is 'Calls that lost a race and were run again: no error either.';
comment on index lockstep.ix_monitoring_samples_sampled_at is 'Serves the newest sample and the retention.';

create table lockstep.breach_records (
    id bigint generated always as identity,
    kind text not null,
    subject text not null,
    began_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    samples integer not null default 1,
    measured numeric not null,
    threshold numeric not null,
    cause jsonb not null,
    constraint breach_records_pkey primary key (id),
    constraint ck_breach_records_kind check (
        kind in ('connections', 'lock_wait', 'error_rate', 'statement_regression')
    )
);

create unique index uq_breach_records_open on lockstep.breach_records (kind, subject) where ended_at is null;
create index ix_breach_records_last_seen_at on lockstep.breach_records (last_seen_at);

comment on table lockstep.breach_records is
'Thresholds that a sample found reached: one row from the first sample that saw it to the first that did not.';
comment on column lockstep.breach_records.kind is 'connections, lock_wait, error_rate or statement_regression.';
comment on column lockstep.breach_records.subject is
'What it is about: the database, the server process that is waited for, http, a statement.';
comment on column lockstep.breach_records.began_at is 'The first sample that saw it.';
comment on column lockstep.breach_records.last_seen_at is 'The last sample that saw it.';
comment on column lockstep.breach_records.ended_at is 'The first sample that did not see it any more; null: it goes on.';
comment on column lockstep.breach_records.samples is 'How many samples saw it.';
comment on column lockstep.breach_records.measured is
'The worst of them: connections; milliseconds waited; percent of requests; times the baseline.';
comment on column lockstep.breach_records.threshold is 'What was reached, in the same unit.';
comment on column lockstep.breach_records.cause is 'What was seen with the worst: who blocks, who holds connections, which errors.';
comment on constraint ck_breach_records_kind on lockstep.breach_records is 'What has a threshold.';
comment on index lockstep.uq_breach_records_open is 'A breach that goes on is one row, however many samplers see it.';
comment on index lockstep.ix_breach_records_last_seen_at is 'Serves the newest breaches and the retention.';

create table lockstep.request_counts (
    id bigint generated always as identity,
    noted_at timestamptz not null default clock_timestamp(),
    process text not null,
    requests bigint not null,
    errors bigint not null,
    conflicts bigint not null,
    retries bigint not null,
    codes jsonb not null,
    constraint request_counts_pkey primary key (id)
);

create index ix_request_counts_noted_at on lockstep.request_counts (noted_at);

comment on table lockstep.request_counts is
'What each HTTP process has answered since its row before, every half minute: no request writes anything.';
comment on column lockstep.request_counts.noted_at is 'When the process wrote it down.';
comment on column lockstep.request_counts.process is 'Host and process id.';
comment on column lockstep.request_counts.requests is 'Requests answered; probes and /metrics are none.';
comment on column lockstep.request_counts.errors is 'Of those, the ones answered 5xx.';
comment on column lockstep.request_counts.conflicts is 'Of those, the ones answered 409 or 412.';
comment on column lockstep.request_counts.retries is 'Calls that lost a race (40001, 40P01, 55P03) and were run again.';
comment on column lockstep.request_counts.codes is 'Errors and conflicts by the code of their problem.';
comment on index lockstep.ix_request_counts_noted_at is 'Serves the error rate and the retention.';

create table lockstep.statement_baseline (
    role_name text not null,
    query_id bigint not null,
    kept_at timestamptz not null default clock_timestamp(),
    calls bigint not null,
    total_ms double precision not null,
    constraint statement_baseline_pkey primary key (role_name, query_id)
);

comment on table lockstep.statement_baseline is
'How often each statement had run, and for how long, when keep_statement_baseline() was called.';
comment on column lockstep.statement_baseline.role_name is 'Who ran it.';
comment on column lockstep.statement_baseline.query_id is 'As pg_stat_statements numbers it.';
comment on column lockstep.statement_baseline.calls is 'How often it had run.';
comment on column lockstep.statement_baseline.total_ms is 'Milliseconds that these took.';

alter table lockstep.verified_ranges
add column level_mismatch bigint not null default 0,
add column missing_license bigint not null default 0,
add column missing_progress bigint not null default 0;

comment on column lockstep.verified_ranges.level_mismatch is 'Of the violations, those with both sides.';
comment on column lockstep.verified_ranges.missing_license is 'Of the violations, those with progress only.';
comment on column lockstep.verified_ranges.missing_progress is 'Of the violations, those with a license only.';

grant select, insert, update, delete
on lockstep.monitoring_samples, lockstep.breach_records, lockstep.request_counts, lockstep.statement_baseline
to lockstep_coupler;

insert into lockstep.settings (name, value, kind, description)
values
('connections_limit', '60', 'integer', 'Connections to this database that are a breach.'),
('error_rate_limit', '1', 'integer', 'Percent of HTTP requests answered 5xx that are a breach.'),
('breach_window', '5 minutes', 'interval', 'The time that the error rate is taken over, and waits that were given up are.'),
('error_rate_requests', '100', 'integer', 'Fewer requests than this in that time are no rate.'),
('regression_factor', '2', 'integer', 'A statement that takes so many times its baseline is a breach.'),
('regression_calls', '100', 'integer', 'A statement that ran fewer times since its baseline is not judged.'),
('sample_retention', '7 days', 'interval', 'How long samples and counts of requests are kept.');
