create or replace function lockstep.find_lock_waits()
returns table (
    waiting_pid integer,
    blocker_pid integer,
    blocking_pids integer[],
    root_pid integer,
    chain integer[],
    depth integer,
    lock_type text,
    mode text,
    relation text,
    place tid,
    user_id bigint,
    specialization_id text,
    waiting_since timestamptz,
    waited interval,
    waiting_role text,
    waiting_application text,
    waiting_query text,
    blocker_role text,
    blocker_application text,
    blocker_state text,
    blocker_transaction_start timestamptz,
    blocker_query text
)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with recursive known_lock as materialized (
        select known.*
        from pg_catalog.pg_locks as known
    ),

    waiting as materialized (
        select
            wait.pid,
            wait.locktype,
            wait.mode,
            coalesce(wait.waitstart, session.state_change) as since,
            session.usename,
            session.application_name,
            session.query,
            blocked.pids,
            -- Who waits for a transaction holds the tuple meanwhile, and that says which row it is about.
            coalesce(wait.relation, tuple.relation) as relation,
            coalesce(wait.page, tuple.page) as page,
            coalesce(wait.tuple, tuple.tuple) as tuple
        from known_lock as wait
        inner join pg_catalog.pg_stat_activity as session
            on session.pid = wait.pid
            and session.datname = current_database()
        cross join lateral (
            select array(
                select distinct blocking.pid
                from unnest(pg_blocking_pids(wait.pid)) as blocking (pid)
                order by blocking.pid
            ) as pids
        ) as blocked
        left outer join known_lock as tuple
            on tuple.pid = wait.pid
            and tuple.granted
            and tuple.locktype = 'tuple'
            and wait.locktype = 'transactionid'
        where not wait.granted
            -- It may have got it between the two looks.
            and blocked.pids <> '{}'
    ),

    -- Of several blockers, one that waits for nobody; else the one that has waited longest.
    nearest as (
        select distinct on (waiting.pid)
            waiting.pid,
            blocking.pid as blocker_pid
        from waiting
        cross join lateral unnest(waiting.pids) as blocking (pid)
        left outer join waiting as also_waiting on also_waiting.pid = blocking.pid
        order by waiting.pid, also_waiting.pid is not null, also_waiting.since, blocking.pid
    ),

    climb (pid, chain) as (
        select nearest.pid, array[nearest.blocker_pid, nearest.pid]
        from nearest
        union all
        select climb.pid, nearest.blocker_pid || climb.chain
        from climb
        inner join nearest on nearest.pid = climb.chain[1]
        where nearest.blocker_pid <> all(climb.chain)
    ),

    whole as (
        select distinct on (climb.pid) climb.pid, climb.chain
        from climb
        order by climb.pid, cardinality(climb.chain) desc
    )

    select
        waiting.pid,
        nearest.blocker_pid,
        waiting.pids,
        whole.chain[1],
        whole.chain,
        cardinality(whole.chain) - 1,
        waiting.locktype,
        waiting.mode,
        waiting.relation::regclass::text,
        format('(%s,%s)', waiting.page, waiting.tuple)::tid,
        owner.user_id,
        owner.specialization_id,
        waiting.since,
        clock_timestamp() - waiting.since,
        waiting.usename::text,
        waiting.application_name,
        lockstep.without_literals(waiting.query),
        blocker.usename::text,
        blocker.application_name,
        case when nearest.blocker_pid = 0 then 'prepared transaction' else blocker.state end,
        blocker.xact_start,
        lockstep.without_literals(blocker.query)
    from waiting
    inner join nearest on nearest.pid = waiting.pid
    inner join whole on whole.pid = waiting.pid
    left outer join pg_catalog.pg_stat_activity as blocker on blocker.pid = nearest.blocker_pid
    left outer join lateral lockstep.find_row_owner(
        waiting.relation, format('(%s,%s)', waiting.page, waiting.tuple)::tid
    ) as owner on true
    order by whole.chain;
$function$;

comment on function lockstep.find_lock_waits() is
$comment$The sessions of this database that wait for a lock now, each with who holds it up: the rows of lock_waits.

Runs as lockstep_coupler, which may see what the sessions of other roles do where it is in pg_read_all_stats;
otherwise applications, states and queries are null. Locks nothing, and waits for nobody.$comment$;

revoke all on function lockstep.find_lock_waits() from public;
grant execute on function lockstep.find_lock_waits() to lockstep_admin, lockstep_readonly;
