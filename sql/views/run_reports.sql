-- after: runs, run_items
create or replace view lockstep.run_reports as
select
    run.run_id,
    jsonb_build_object(
        'run_id', run.run_id,
        'status', run.status,
        'dry_run', run.dry_run,
        'direction', run.direction,
        'job_start', run.job_start,
        'job_end', run.job_end,
        'duration_seconds', run.duration_seconds,
        'issues_found', run.issues_found,
        'synced_count', run.synced_count,
        'failed_count', run.failed_count,
        'skipped_count', run.skipped_count,
        'results', coalesce(
            (
                select jsonb_agg(to_jsonb(item) - 'run_id' order by item.user_id, item.specialization)
                from (
                    -- A document has a largest size, a run has not: the rest is in run_items.
                    select one.*
                    from lockstep.run_items as one
                    where one.run_id = run.run_id
                    order by one.user_id, one.specialization
                    limit 10000
                ) as item
            ),
            '[]'
        )
    ) as report
from lockstep.runs as run;

comment on view lockstep.run_reports is 'Each run as one JSON document, with its items as results.';
comment on column lockstep.run_reports.report is 'The keys of a run and, as results, its first 10,000 items; run_items has all.';

grant select on lockstep.run_reports to lockstep_admin, lockstep_readonly;
