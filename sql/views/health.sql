-- after: guard_status
create or replace view lockstep.health as
select
    coalesce(newest.status, 'unknown') as status,
    newest.checked_at as last_check,
    newest.consistency_rate,
    coalesce(newest.total_checked, 0) as total_checked,
    coalesce(newest.total_violations, 0) as total_violations,
    coalesce(newest.status <> 'healthy' or newest.total_violations > 0, true)
    or newest.checked_at < now() - run.limit_text::interval
    or run.overdue
    or guard.broken > 0 as requires_attention,
    newest.oldest_unverified,
    run.last_run,
    run.overdue as run_overdue,
    guard.broken as broken_guards,
    concat_ws(
        '; ',
        case when newest.id is null then 'no check yet' end,
        case
            when newest.total_violations > 0 then format(
                '%s pair%s out of step', newest.total_violations, case when newest.total_violations <> 1 then 's' end
            )
        end,
        case
            when newest.checked_at < now() - run.limit_text::interval then format('no check for %s', run.limit_text)
        end,
        case when run.overdue then format('no run for %s', run.limit_text) end,
        case
            when guard.broken > 0 then format('%s guard%s broken', guard.broken, case when guard.broken <> 1 then 's' end)
        end
    ) as message
from (
    select
        finished.last_run,
        limit_setting.value as limit_text,
        coalesce(finished.last_run, installed.at) < now() - limit_setting.value::interval as overdue
    from (
        select max(one.job_end) as last_run
        from lockstep.sync_runs as one
        where one.scheduled
            and one.status in ('success', 'partial_failure')
    ) as finished
    cross join (
        select min(applied.applied_at_utc) at time zone 'UTC' as at
        from lockstep.schema_migrations as applied
    ) as installed
    cross join (
        select coalesce(max(setting.value), '7 hours') as value
        from lockstep.settings as setting
        where setting.name = 'run_overdue_after'
    ) as limit_setting
) as run
cross join (
    select count(*) filter (where one.status <> 'intact') as broken
    from lockstep.guard_status as one
) as guard
left outer join (
    select one.*
    from lockstep.health_checks as one
    order by one.id desc
    limit 1
) as newest on true;

comment on view lockstep.health is
'How it stands: share of pairs in step, what was found, how old the oldest look is, whether runs come on time.';
comment on column lockstep.health.status is
'healthy (at least 99 % in step), degraded (at least 95 %), critical, or unknown before the first check.';
comment on column lockstep.health.last_check is 'When the newest check was; null before the first.';
comment on column lockstep.health.consistency_rate is 'Share of pairs in step, in percent.';
comment on column lockstep.health.requires_attention is
'Not healthy, a pair out of step, a check or a run overdue, a guard broken, or no check yet.';
comment on column lockstep.health.oldest_unverified is
'No pair was last read before this; null while some were never read.';
comment on column lockstep.health.last_run is 'When the last scheduled run ended.';
comment on column lockstep.health.run_overdue is 'No scheduled run for longer than the setting run_overdue_after.';
comment on column lockstep.health.broken_guards is 'Rows of guard_status that are not intact.';

grant select on lockstep.health to lockstep_coupler, lockstep_admin, lockstep_readonly;
