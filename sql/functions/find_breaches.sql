create or replace function lockstep.find_breaches()
returns table (
    kind text,
    subject text,
    measured numeric,
    threshold numeric,
    cause jsonb
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_budget constant numeric := extract(epoch from lockstep.setting('lock_budget')::interval) * 1000;
    v_since constant timestamptz := clock_timestamp() - lockstep.setting('breach_window')::interval;
    v_given_up record;
    v_newest jsonb;
begin
    select
        count(*) as waits,
        round(max(extract(epoch from breach.waited) * 1000), 3) as longest
    into v_given_up
    from lockstep.lock_breaches as breach
    where breach.noticed_at > v_since;

    v_newest := (
        select jsonb_agg(to_jsonb(newest) order by newest.noticed_at desc)
        from (
            select
                one.noticed_at, one.source, one.waited, one.specialization_id, one.waiter_application,
                one.blocker_pid, one.blocker_application, one.blocker_role, one.blocker_state,
                one.blocker_transaction_start,
                lockstep.without_literals(one.blocker_query, false) as blocker_query
            from lockstep.lock_breaches as one
            where one.noticed_at > v_since
            order by one.noticed_at desc
            limit 10
        ) as newest
    );

    return query
    with wait as materialized (
        select found.*
        from lockstep.find_lock_waits() as found
    ),

    answered as (
        select
            sum(counted.requests) as requests,
            sum(counted.errors) as errors,
            sum(counted.conflicts) as conflicts,
            sum(counted.retries) as retries
        from lockstep.request_counts as counted
        where counted.noted_at > v_since
    )

    select
        'connections',
        current_database()::text,
        sum(usage.total)::numeric,
        lockstep.setting('connections_limit')::numeric,
        jsonb_build_object(
            'server_connections', max(usage.server_connections),
            'server_limit', max(usage.server_limit),
            'held_by', jsonb_agg(
                jsonb_build_object(
                    'application', usage.application_name,
                    'role', usage.role,
                    'total', usage.total,
                    'active', usage.active,
                    'idle', usage.idle,
                    'idle_in_transaction', usage.idle_in_transaction,
                    'waiting', usage.waiting,
                    'oldest_transaction', usage.oldest_transaction
                )
                order by usage.total desc, usage.application_name
            )
        )
    from (
        select one.*
        from lockstep.find_pool_usage() as one
    ) as usage
    having sum(usage.total) >= lockstep.setting('connections_limit')::integer

    union all
    select
        'lock_wait',
        format('server process %s', root.root_pid),
        round(root.milliseconds, 3),
        v_budget,
        jsonb_build_object(
            'blocker', jsonb_build_object(
                'pid', root.root_pid,
                'state', direct.blocker_state,
                'application', direct.blocker_application,
                'role', direct.blocker_role,
                'transaction_start', direct.blocker_transaction_start,
                'query', lockstep.without_literals(direct.blocker_query, false)
            ),
            'waits', root.waits
        )
    from (
        select
            wait.root_pid,
            max(extract(epoch from wait.waited) * 1000) as milliseconds,
            min(wait.waiting_pid) filter (where wait.depth = 1) as first_pid,
            jsonb_agg(
                jsonb_build_object(
                    'chain', to_jsonb(wait.chain),
                    'relation', wait.relation,
                    'place', wait.place,
                    'mode', wait.mode,
                    'since', wait.waiting_since,
                    'application', wait.waiting_application,
                    'role', wait.waiting_role,
                    'query', lockstep.without_literals(wait.waiting_query, false)
                )
                order by wait.chain
            ) as waits
        from wait
        group by wait.root_pid
    ) as root
    inner join wait as direct on direct.waiting_pid = root.first_pid
    where root.milliseconds >= v_budget

    union all
    -- Waits that ended before anybody could look: the applications that gave up have written them down.
    select
        'lock_wait',
        'given up',
        v_given_up.longest,
        v_budget,
        jsonb_build_object('waits', v_given_up.waits, 'newest', v_newest)
    where v_given_up.waits > 0

    union all
    select
        'error_rate',
        'http',
        round(100 * answered.errors / answered.requests, 3),
        lockstep.setting('error_rate_limit')::numeric,
        jsonb_build_object(
            'requests', answered.requests,
            'errors', answered.errors,
            'conflicts', answered.conflicts,
            'retries', answered.retries,
            'codes', (
                select jsonb_object_agg(coded.code, coded.times)
                from (
                    select code.key as code, sum(code.value::bigint) as times
                    from lockstep.request_counts as counted
                    cross join lateral jsonb_each_text(counted.codes) as code
                    where counted.noted_at > v_since
                    group by code.key
                ) as coded
            )
        )
    from answered
    where answered.requests >= lockstep.setting('error_rate_requests')::integer
        and answered.errors * 100 >= answered.requests * lockstep.setting('error_rate_limit')::integer

    union all
    select
        'statement_regression',
        format('%s %s', statement.role, statement.query_id),
        round(statement.times_baseline::numeric, 3),
        lockstep.setting('regression_factor')::numeric,
        jsonb_build_object(
            'query', statement.query,
            'baseline_at', statement.baseline_at,
            'baseline_mean_ms', statement.baseline_mean_ms,
            'mean_ms_since', statement.mean_ms_since,
            'calls_since', statement.calls_since
        )
    from lockstep.statement_stats as statement
    where statement.regressed;
end;
$function$;

comment on function lockstep.find_breaches() is
$comment$Every threshold that is reached now, with its cause: connections, lock_wait, error_rate, statement_regression.

A lock_wait is of each session that others wait for ("server process N"), and of the waits that applications gave up
within the setting breach_window ("given up"). A cause names no user, and its queries have no literals. Locks nothing.$comment$;

revoke all on function lockstep.find_breaches() from public;
grant execute on function lockstep.find_breaches() to lockstep_admin;
