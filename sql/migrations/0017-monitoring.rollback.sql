delete from lockstep.settings
where name in (
    'connections_limit', 'error_rate_limit', 'breach_window', 'error_rate_requests',
    'regression_factor', 'regression_calls', 'sample_retention'
);

alter table lockstep.verified_ranges
drop column level_mismatch,
drop column missing_license,
drop column missing_progress;

drop table lockstep.statement_baseline;
drop table lockstep.request_counts;
drop table lockstep.breach_records;
drop table lockstep.monitoring_samples;

-- lockstep_coupler stays in pg_read_all_stats: roles belong to the cluster, and another database of it may need that.
