-- Health (D10, D11): pairs are verified by ranges of user ids, the longest unverified first, so that a
-- check of millions of pairs is never one giant query.

create table lockstep.verified_ranges (
    first_user_id bigint not null,
    last_user_id bigint not null,
    pairs bigint not null default 0,
    violations bigint not null default 0,
    verified_at timestamptz,
    constraint verified_ranges_pkey primary key (first_user_id)
);

comment on table lockstep.verified_ranges is 'What the last look at each range of user ids found.';
comment on column lockstep.verified_ranges.pairs is 'How many pairs its users have.';
comment on column lockstep.verified_ranges.violations is 'Pairs out of step in this range.';
comment on column lockstep.verified_ranges.verified_at is 'When the range was last read; null: never.';

create table lockstep.health_checks (
    id bigint generated always as identity,
    checked_at timestamptz not null default clock_timestamp(),
    status text not null,
    consistency_rate numeric(6, 3) not null,
    total_checked bigint not null,
    total_violations bigint not null,
    oldest_unverified timestamptz,
    constraint health_checks_pkey primary key (id),
    constraint ck_health_checks_status check (status in ('healthy', 'degraded', 'critical'))
);

create index ix_health_checks_checked_at on lockstep.health_checks (checked_at);

comment on table lockstep.health_checks is 'One row a health check, every five minutes.';
comment on column lockstep.health_checks.status is
'healthy: at least 99 % of the pairs are in step; degraded: at least 95 %; else critical.';
comment on column lockstep.health_checks.consistency_rate is 'Share of pairs in step, in percent.';
comment on column lockstep.health_checks.total_checked is 'Pairs, each as its range was last read.';
comment on column lockstep.health_checks.total_violations is 'Of those, the pairs out of step.';
comment on column lockstep.health_checks.oldest_unverified is
'No pair was last read before this; null while a range was never read.';
comment on constraint ck_health_checks_status on lockstep.health_checks is 'The states of health.';
comment on index lockstep.ix_health_checks_checked_at is 'Serves the newest check and the retention.';

grant select, insert, update, delete on lockstep.verified_ranges, lockstep.health_checks to lockstep_coupler;

insert into lockstep.settings (name, value, kind, description)
values
('health_range', '10000', 'integer', 'User ids that a health check reads at a time.'),
('health_budget', '10 seconds', 'interval', 'How long one health check may read; the rest waits for the next.'),
('run_overdue_after', '7 hours', 'interval', 'Without a run for so long, health says so.');
