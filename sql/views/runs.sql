create or replace view lockstep.runs as
select
    run.id as run_id,
    run.kind,
    case run.status when 'planned' then 'success' else run.status end as status,
    run.dry_run,
    run.direction,
    run.specialization_id as specialization,
    run.user_id,
    run.undo_of,
    run.scheduled,
    run.requested_by,
    run.applied_by,
    run.applied_role,
    run.applied_application,
    run.reason,
    run.job_start,
    run.job_end,
    round(extract(epoch from coalesce(run.job_end, run.last_batch_at, run.job_start) - run.job_start), 3)
    as duration_seconds,
    run.issues_found,
    run.synced_count,
    run.failed_count,
    run.skipped_count,
    run.message
from lockstep.sync_runs as run;

comment on view lockstep.runs is 'One row a run of repair; a plan that was not applied has dry_run true.';
comment on column lockstep.runs.status is 'success, partial_failure, failed, skipped, or running.';
comment on column lockstep.runs.duration_seconds is 'Up to its end, or up to its last batch while it has none.';
comment on column lockstep.runs.requested_by is 'Who planned it, as the application says.';
comment on column lockstep.runs.applied_by is 'Who took it into work, of several the last, as the application says; the history has each.';
comment on column lockstep.runs.applied_role is 'The database role that took it into work; null: nobody yet.';
comment on column lockstep.runs.applied_application is 'The application_name of that session.';
comment on column lockstep.runs.undo_of is 'The run that this one undid.';

grant select on lockstep.runs to lockstep_coupler, lockstep_admin, lockstep_readonly;
