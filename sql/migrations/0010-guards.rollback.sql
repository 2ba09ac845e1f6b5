drop type lockstep.desync_explanation;
drop table lockstep.guard_baseline;
