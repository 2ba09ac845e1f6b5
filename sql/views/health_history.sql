create or replace view lockstep.health_history as
select
    date_trunc('hour', one.checked_at) as hour,
    count(*) as checks,
    min(one.consistency_rate) as lowest_rate,
    max(one.total_violations) as most_violations,
    max(one.total_checked) as total_checked
from lockstep.health_checks as one
where one.checked_at > now() - interval '7 days'
group by date_trunc('hour', one.checked_at);

comment on view lockstep.health_history is 'The health checks of the last seven days, one row an hour that had any: the worst of each.';
comment on column lockstep.health_history.hour is 'When the hour began.';
comment on column lockstep.health_history.checks is 'How many checks there were.';
comment on column lockstep.health_history.lowest_rate is 'The smallest share of pairs in step, in percent.';
comment on column lockstep.health_history.most_violations is 'The most pairs out of step that a check of it found.';
comment on column lockstep.health_history.total_checked is 'The most pairs that a check of it counted.';

grant select on lockstep.health_history to lockstep_admin, lockstep_readonly;
