delete from lockstep.settings where name = 'asset_limit';

drop type lockstep.asset_file;
drop type lockstep.asset_state;
drop table lockstep.pending_names;
drop table lockstep.assets;
