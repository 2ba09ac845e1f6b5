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
        'results', coalesce(listed.items, '[]')
    ) as report
from lockstep.runs as run
-- Not a subquery for each run: Citus refuses one of a reference table's row.
left outer join (
    select
        numbered.run_id,
        jsonb_agg(to_jsonb(numbered) - '{run_id,place}'::text[] order by numbered.place) as items
    from (
        -- A document has a largest size, a run has not: the rest is in run_items.
        select
            one.*,
            row_number() over (partition by one.run_id order by one.user_id, one.specialization) as place
        from lockstep.run_items as one
    ) as numbered
    where numbered.place <= 10000
    group by numbered.run_id
) as listed on listed.run_id = run.run_id;

comment on view lockstep.run_reports is 'Each run as one JSON document, with its items as results.';
comment on column lockstep.run_reports.report is 'The keys of a run and, as results, its first 10,000 items; run_items has all.';

grant select on lockstep.run_reports to lockstep_admin, lockstep_readonly;
