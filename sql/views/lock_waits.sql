-- after: find_lock_waits
create or replace view lockstep.lock_waits as
select found.*
from lockstep.find_lock_waits() as found;

comment on view lockstep.lock_waits is
'Who waits for a lock now, and who holds them up: a row a waiting session of this database. lock_tree is the same to read.';
comment on column lockstep.lock_waits.waiting_pid is 'The server process that waits.';
comment on column lockstep.lock_waits.blocker_pid is
'The next one up the chain; of several, one that waits for nobody itself. 0: a prepared transaction.';
comment on column lockstep.lock_waits.blocking_pids is 'All that it waits for.';
comment on column lockstep.lock_waits.root_pid is 'The end of the chain, who waits for nobody: end that, and the rest goes on.';
comment on column lockstep.lock_waits.chain is 'From the root down to the one that waits.';
comment on column lockstep.lock_waits.depth is 'How many are before it in the chain.';
comment on column lockstep.lock_waits.lock_type is
'transactionid: for the end of a transaction that has changed the row; tuple: for the next turn at the row; relation; …';
comment on column lockstep.lock_waits.mode is 'The lock that it asks for.';
comment on column lockstep.lock_waits.relation is 'The table; null where the lock names none, as at a key that two insert.';
comment on column lockstep.lock_waits.place is 'The row within the table, as its ctid.';
comment on column lockstep.lock_waits.user_id is 'Whose row that is, of users and of the two sides of a pair.';
comment on column lockstep.lock_waits.specialization_id is 'Which pair of theirs.';
comment on column lockstep.lock_waits.waiting_since is 'When the wait began.';
comment on column lockstep.lock_waits.waited is 'How long that is by now.';
comment on column lockstep.lock_waits.waiting_role is 'The role that it logged in as.';
comment on column lockstep.lock_waits.waiting_application is 'Its application_name.';
comment on column lockstep.lock_waits.waiting_query is 'The statement that waits, with ''?'' for strings.';
comment on column lockstep.lock_waits.blocker_role is 'The role that the blocker logged in as.';
comment on column lockstep.lock_waits.blocker_application is 'The blocker''s application_name.';
comment on column lockstep.lock_waits.blocker_state is
'active; idle in transaction: it holds the lock and does nothing; null: not to be seen.';
comment on column lockstep.lock_waits.blocker_transaction_start is 'Since when the blocker''s transaction is open.';
comment on column lockstep.lock_waits.blocker_query is
'The statement that the blocker runs, or ran last, with ''?'' for strings: not always the one that took the lock.';

grant select on lockstep.lock_waits to lockstep_coupler, lockstep_admin, lockstep_readonly;
