-- after: health, ranges, runs
create or replace view lockstep.service_state as
select
    applied.version,
    health.status,
    health.last_check,
    health.consistency_rate,
    health.requires_attention,
    health.oldest_unverified,
    health.last_run,
    health.broken_guards,
    verified.pairs,
    verified.desync_pairs,
    newest.status as newest_run_status
from lockstep.health as health
cross join (
    select max(migration.migration_id) as version
    from lockstep.schema_migrations as migration
) as applied
cross join (
    select
        coalesce(sum(range.pairs), 0)::bigint as pairs,
        coalesce(sum(range.violations), 0)::bigint as desync_pairs
    from lockstep.ranges as range
) as verified
left outer join (
    select run.status
    from lockstep.runs as run
    order by run.job_start desc, run.run_id desc
    limit 1
) as newest on true;

comment on view lockstep.service_state is
'One row for what watches the service: version, health, and how it stands by the last look at each range; scans no pair.';
comment on column lockstep.service_state.version is 'The newest migration that was applied.';
comment on column lockstep.service_state.last_check is 'When the newest check was; null before the first.';
comment on column lockstep.service_state.requires_attention is 'As health says.';
comment on column lockstep.service_state.last_run is 'When the last scheduled run ended.';
comment on column lockstep.service_state.broken_guards is 'Rows of guard_status that are not intact.';
comment on column lockstep.service_state.last_check is 'When the newest check was; null before the first.';
comment on column lockstep.service_state.requires_attention is 'As the view health says, whose message has the reason.';
comment on column lockstep.service_state.last_run is 'When the last scheduled run ended.';
comment on column lockstep.service_state.broken_guards is 'Rows of guard_status that are not intact.';
comment on column lockstep.service_state.pairs is 'Pairs, as each range showed when it was last read.';
comment on column lockstep.service_state.desync_pairs is 'Pairs out of step, likewise; the view desync looks at all of them now.';
comment on column lockstep.service_state.newest_run_status is 'What became of the run that began last; null before the first.';

grant select on lockstep.service_state to lockstep_coupler, lockstep_admin, lockstep_readonly;
