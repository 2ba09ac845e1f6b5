-- after: health, setting
create or replace view lockstep.incident_conditions as
with checks as (
    select last.checked_at - interval '1 minute' as before
    from lockstep.incident_checks as last
),

-- Since then every pair was read in step, by checks of health or by a run that found nothing.
seen as (
    select greatest(state.oldest_unverified, run.job_start) as since
    from lockstep.health as state
    left outer join (
        select max(clean.job_start) as job_start
        from lockstep.sync_runs as clean
        where clean.scheduled
            and clean.status = 'success'
            and clean.issues_found = 0
    ) as run on true
),

finder as (
    select run.*
    from lockstep.sync_runs as run
    cross join seen
    cross join checks
    where run.kind = 'sync'
        and run.issues_found > 0
        and (
            run.job_start > coalesce(seen.since, '-infinity')
            -- A run that found some, all of which were in step again before anybody looked here.
            or coalesce(run.job_end, run.job_start) > checks.before
        )
    order by run.id desc
    limit 1
)

select
    'desync_found'::text as kind,
    'pairs'::text as subject,
    jsonb_build_object('out_of_step_at_last_check', state.total_violations, 'of_pairs', state.total_checked)
    || coalesce(
        (
            select jsonb_build_object(
                'run', finder.id, 'run_found', finder.issues_found, 'run_repaired', finder.synced_count,
                'run_failed_on', finder.failed_count
            )
            from finder
        ),
        '{}'
    ) as cause
from lockstep.health as state
where state.total_violations > 0
    or exists (select from finder)

union all
select 'run_failed', 'runs', failed.cause
from (
    select
        jsonb_build_object(
            'run', run.id,
            'status', case when run.status = 'running' then 'its worker is gone' else run.status end,
            'message', run.message, 'failed_on', run.failed_count, 'began', run.job_start
        ) as cause
    from lockstep.sync_runs as run
    where run.kind = 'sync'
        and run.user_id is null
        and not run.dry_run
        and (
            run.status in ('failed', 'partial_failure')
            or (
                run.status = 'running'
                and run.last_batch_at < clock_timestamp() - lockstep.setting('sync_stalled_after')::interval
            )
        )
        -- A later run of as many pairs made up for it.
        and not exists (
            select from lockstep.sync_runs as later
            where later.id > run.id
                and later.kind = 'sync'
                and later.user_id is null
                and not later.dry_run
                and later.status = 'success'
                and (later.specialization_id is null or later.specialization_id = run.specialization_id)
        )
    order by run.id desc
    limit 1
) as failed

union all
select 'guards_broken', 'guards', jsonb_build_object('broken', count(*), 'first', (array_agg(guard.said))[1:20])
from (
    select format('%s %s: %s', one.kind, one.name, one.status) as said
    from lockstep.guard_status as one
    where one.status <> 'intact'
    order by one.kind, one.name
) as guard
having count(*) > 0

union all
select
    'no_run', job.name,
    jsonb_build_object('last', job.last, 'allowed', lockstep.setting('run_overdue_after'))
from lockstep.health as state
cross join lateral (
    values
    ('reconcile', state.last_run, state.run_overdue),
    (
        'health', state.last_check,
        state.last_check < now() - lockstep.setting('run_overdue_after')::interval
    )
) as job (name, last, is_overdue)
where job.is_overdue

union all
select 'unhealthy', 'health', jsonb_build_object(
    'status', state.status, 'percent_in_step', state.consistency_rate, 'message', state.message
)
from lockstep.health as state
where state.status in ('degraded', 'critical');

comment on view lockstep.incident_conditions is
'What is wrong now, of what check_incidents() looks at: each row is an incident while it is here.';
comment on column lockstep.incident_conditions.kind is 'desync_found, run_failed, guards_broken, no_run or unhealthy.';
comment on column lockstep.incident_conditions.subject is 'pairs, runs, guards, the job that is silent, or health.';
comment on column lockstep.incident_conditions.cause is 'Figures and names of things, no person.';

grant select on lockstep.incident_conditions to lockstep_coupler, lockstep_admin, lockstep_readonly;
