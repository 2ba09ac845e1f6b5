delete from lockstep.settings where name in ('health_range', 'health_budget', 'run_overdue_after');

drop table lockstep.health_checks;
drop table lockstep.verified_ranges;
