drop type lockstep.locked_pair;
drop type lockstep.deployment_check;
drop type lockstep.consistency;
drop type lockstep.sync_outcome;
drop type lockstep.level_change;
