-- A run that HTTP works on: each batch may come from another server process of a pool, so the request
-- holds the run by a name of its own.

alter table lockstep.sync_runs add column worker uuid;

comment on column lockstep.sync_runs.worker is
'The HTTP request that works on it, through any server process; null: backend_pid does, or nobody.';
comment on column lockstep.sync_runs.backend_pid is
'The server process that works on it; null: worker does, or nobody at this moment.';

insert into lockstep.settings (name, value, kind, description)
values
('sync_lease', '30 seconds', 'interval', 'A run that HTTP works on is taken for dead without a batch for so long.');
