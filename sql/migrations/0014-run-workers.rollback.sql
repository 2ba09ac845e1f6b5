delete from lockstep.settings
where name = 'sync_lease';

comment on column lockstep.sync_runs.backend_pid is 'The server process that works on it.';

alter table lockstep.sync_runs drop column worker;
