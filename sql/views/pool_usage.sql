-- after: find_pool_usage
create or replace view lockstep.pool_usage as
select found.*
from lockstep.find_pool_usage() as found;

comment on view lockstep.pool_usage is
'Who holds connections to this database now, by application and role, the one that asks included; and what the server has.';
comment on column lockstep.pool_usage.role is 'The role that the sessions logged in as.';
comment on column lockstep.pool_usage.total is 'Connections.';
comment on column lockstep.pool_usage.active is 'Of those, the ones that run a statement, or wait for a lock in one.';
comment on column lockstep.pool_usage.idle is 'Of those, the ones that have nothing to do.';
comment on column lockstep.pool_usage.idle_in_transaction is
'Of those, the ones that have a transaction open and do nothing: they may hold locks.';
comment on column lockstep.pool_usage.waiting is 'Of the active, the ones that wait for a lock.';
comment on column lockstep.pool_usage.oldest_transaction is 'When the oldest transaction of theirs began; null: none is open.';
comment on column lockstep.pool_usage.oldest_age is 'How old it is.';
comment on column lockstep.pool_usage.server_connections is 'Clients of the whole server, all databases; the same in each row.';
comment on column lockstep.pool_usage.server_limit is
'How many the server takes of roles that are no superuser; the same in each row.';

grant select on lockstep.pool_usage to lockstep_coupler, lockstep_admin, lockstep_readonly;
