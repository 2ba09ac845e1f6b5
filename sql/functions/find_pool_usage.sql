create or replace function lockstep.find_pool_usage()
returns table (
    application_name text,
    role text,
    total integer,
    active integer,
    idle integer,
    idle_in_transaction integer,
    waiting integer,
    oldest_transaction timestamptz,
    oldest_age interval,
    server_connections integer,
    server_limit integer
)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with session as materialized (
        select one.datname, one.application_name, one.usename, one.state, one.wait_event_type, one.xact_start
        from pg_catalog.pg_stat_activity as one
        -- Of others' sessions only these show to everybody; what has no user or no database is no client.
        where one.usesysid is not null
            and one.datid is not null
    ),

    server as (
        select
            (select count(*) from session) as connections,
            sum(case known.name when 'max_connections' then 1 else -1 end * known.setting::integer) as most
        from pg_catalog.pg_settings as known
        where known.name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    )

    select
        coalesce(session.application_name, ''),
        session.usename::text,
        count(*)::integer,
        count(*) filter (where session.state = 'active')::integer,
        count(*) filter (where session.state = 'idle')::integer,
        count(*) filter (where session.state like 'idle in transaction%')::integer,
        count(*) filter (where session.wait_event_type = 'Lock')::integer,
        min(session.xact_start),
        clock_timestamp() - min(session.xact_start),
        max(server.connections)::integer,
        max(server.most)::integer
    from session
    cross join server
    where session.datname = current_database()
    group by coalesce(session.application_name, ''), session.usename
    order by count(*) desc, session.usename, coalesce(session.application_name, '');
$function$;

comment on function lockstep.find_pool_usage() is
$comment$Who holds connections to this database now: the rows of pool_usage.

Runs as lockstep_coupler, which may see the sessions of other roles where it is in pg_read_all_stats;
otherwise they are counted in total only. Locks nothing.$comment$;

revoke all on function lockstep.find_pool_usage() from public;
grant execute on function lockstep.find_pool_usage() to lockstep_admin, lockstep_readonly;
