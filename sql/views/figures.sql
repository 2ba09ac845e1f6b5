-- after: ranges, runs, queue_status, find_pool_usage, find_lock_waits, breaches, incidents, statement_stats, setting
create or replace view lockstep.figures as
with usage as materialized (
    select found.*
    from lockstep.find_pool_usage() as found
),

wait as materialized (
    select found.*
    from lockstep.find_lock_waits() as found
),

-- A client may call itself anything: so many names are figures of their own, the rest is one.
named as (
    select
        case when row_number() over (order by sum(usage.total) desc, usage.application_name) <= 20
            then usage.application_name else '(others)' end as application,
        sum(usage.active) as active,
        sum(usage.idle) as idle,
        sum(usage.idle_in_transaction) as idle_in_transaction,
        sum(usage.total - usage.active - usage.idle - usage.idle_in_transaction) as other
    from usage
    group by usage.application_name
)

select
    'desync_pairs_by_type' as name,
    jsonb_build_object('issue_type', typed.issue_type) as labels,
    typed.pairs::double precision as value
from (
    select
        coalesce(sum(range.level_mismatch), 0) as level_mismatch,
        coalesce(sum(range.missing_license), 0) as missing_license,
        coalesce(sum(range.missing_progress), 0) as missing_progress
    from lockstep.ranges as range
) as counted
cross join lateral (
    values
    ('level_mismatch', counted.level_mismatch),
    ('missing_license', counted.missing_license),
    ('missing_progress', counted.missing_progress)
) as typed (issue_type, pairs)

union all
select 'runs', jsonb_build_object('kind', run.kind, 'status', run.status), count(*)
from lockstep.runs as run
group by run.kind, run.status

union all
select 'newest_run_pairs', jsonb_build_object('outcome', counted.outcome), counted.pairs
from (
    select run.issues_found, run.synced_count, run.failed_count, run.skipped_count
    from lockstep.runs as run
    order by run.job_start desc, run.run_id desc
    limit 1
) as newest
cross join lateral (
    values
    ('found', newest.issues_found),
    ('synced', newest.synced_count),
    ('failed', newest.failed_count),
    ('skipped', newest.skipped_count)
) as counted (outcome, pairs)

union all
select 'queue_entries', jsonb_build_object('state', counted.state), counted.entries
from (
    select queue.backlog, queue.retrying, queue.set_aside
    from lockstep.queue_status as queue
) as queue
cross join lateral (
    values
    ('waiting', queue.backlog - queue.retrying),
    ('retrying', queue.retrying),
    ('set_aside', queue.set_aside)
) as counted (state, entries)

union all
select 'queue_oldest_age_seconds', '{}', coalesce(extract(epoch from queue.oldest_age), 0)
from lockstep.queue_status as queue

union all
select 'connections', jsonb_build_object('application', named.application, 'state', counted.state),
    sum(counted.connections)
from named
cross join lateral (
    values
    ('active', named.active),
    ('idle', named.idle),
    ('idle in transaction', named.idle_in_transaction),
    ('other', named.other)
) as counted (state, connections)
group by named.application, counted.state

union all
select 'connections_limit', '{}', lockstep.setting('connections_limit')::double precision

union all
select 'server_connections', '{}', max(usage.server_connections)
from usage

union all
select 'server_connections_limit', '{}', max(usage.server_limit)
from usage

union all
select 'oldest_transaction_age_seconds', '{}', coalesce(extract(epoch from max(usage.oldest_age)), 0)
from usage

union all
select 'lock_waits', '{}', count(*)
from wait

union all
select 'lock_wait_longest_seconds', '{}', coalesce(extract(epoch from max(wait.waited)), 0)
from wait

union all
select 'lock_budget_seconds', '{}', extract(epoch from lockstep.setting('lock_budget')::interval)

-- Lists are values: in an unnest() Citus loses the collation, and refuses to compare.
union all
select 'lock_breaches', jsonb_build_object('source', source.name), count(breach.noticed_at)
from (values ('client'), ('http'), ('queue')) as source (name)
left outer join lockstep.breaches as breach on breach.source = source.name
group by source.name

union all
select 'breaches', jsonb_build_object('kind', kind.name, 'state', state.name), count(breach.id)
from (values ('connections'), ('error_rate'), ('lock_wait'), ('statement_regression')) as kind (name)
cross join (values ('open'), ('ended')) as state (name)
left outer join lockstep.breach_records as breach
    on breach.kind = kind.name
    and case when breach.ended_at is null then 'open' else 'ended' end = state.name
group by kind.name, state.name

union all
select 'incidents_open', jsonb_build_object('kind', known.kind, 'severity', known.severity),
    count(incident.id)
from lockstep.incident_kinds as known
left outer join lockstep.noted_incidents as incident
    on incident.kind = known.kind
    and incident.closed_at is null
group by known.kind, known.severity

union all
select 'statements_regressed', '{}', count(*)
from lockstep.statement_stats as statement
where statement.regressed

union all
select 'last_sample_timestamp_seconds', '{}', extract(epoch from max(sample.sampled_at))
from lockstep.monitoring_samples as sample
having count(*) > 0;

comment on view lockstep.figures is
'What /metrics shows of the database beside service_state: a row a figure. Reads no pair: desync is as each range showed when it was last read.';
comment on column lockstep.figures.name is 'The name of the metric, after its prefix, which is the same for every school.';
comment on column lockstep.figures.labels is 'Its labels, as an object.';

grant select on lockstep.figures to lockstep_coupler, lockstep_admin, lockstep_readonly;
