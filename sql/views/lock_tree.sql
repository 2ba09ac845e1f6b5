-- after: lock_waits
create or replace view lockstep.lock_tree as
with wait as materialized (
    select found.*
    from lockstep.lock_waits as found
)

select
    line.session,
    line.doing,
    line.lasting,
    line.application_name,
    line.role,
    line.query
from (
    select distinct on (wait.root_pid)
        array[wait.root_pid] as path,
        wait.root_pid::text as session,
        coalesce(wait.blocker_state, 'not to be seen') as doing,
        clock_timestamp() - wait.blocker_transaction_start as lasting,
        wait.blocker_application as application_name,
        wait.blocker_role as role,
        wait.blocker_query as query
    from wait
    where wait.depth = 1
    union all
    select
        wait.chain,
        repeat('   ', wait.depth - 1) || '-> ' || wait.waiting_pid,
        concat_ws(
            ' ', 'waits for', wait.relation, coalesce(wait.place::text, wait.lock_type),
            'user ' || wait.user_id, wait.specialization_id
        ),
        wait.waited,
        wait.waiting_application,
        wait.waiting_role,
        wait.waiting_query
    from wait
) as line
order by line.path;

comment on view lockstep.lock_tree is
'The waits of now as a tree: who waits for nobody comes first, under it who waits for it. Empty: nobody waits.';
comment on column lockstep.lock_tree.session is 'The server process, as far to the right as it is from the root.';
comment on column lockstep.lock_tree.doing is 'What the root does; what the others wait for.';
comment on column lockstep.lock_tree.lasting is 'How old the root''s transaction is; how long the others have waited.';
comment on column lockstep.lock_tree.role is 'The role that it logged in as.';
comment on column lockstep.lock_tree.query is 'What it runs, or ran last, with ''?'' for strings.';

grant select on lockstep.lock_tree to lockstep_admin, lockstep_readonly;
