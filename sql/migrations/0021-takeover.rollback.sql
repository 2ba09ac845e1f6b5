delete from lockstep.quarantine where migration = '0021';
delete from lockstep.settings where name = 'raw_write_retention';
drop table lockstep.raw_writes;
drop table lockstep.taken_over;
