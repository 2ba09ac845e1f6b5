create or replace function lockstep.find_statements()
returns table (
    role_name text,
    query_id bigint,
    query text,
    calls bigint,
    total_ms double precision,
    rows_returned bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Looked up when it is called, so the extension may come and go.
    if to_regclass('public.pg_stat_statements') is null then
        return;
    end if;

    return query
    select
        role.rolname::text,
        statement.queryid,
        lockstep.without_literals(min(statement.query)),
        sum(statement.calls)::bigint,
        sum(statement.total_exec_time),
        sum(statement.rows)::bigint
    from public.pg_stat_statements as statement
    inner join pg_catalog.pg_database as known
        on known.oid = statement.dbid
        and known.datname = current_database()
    inner join pg_catalog.pg_roles as role on role.oid = statement.userid
    where statement.queryid is not null
        -- The rest is printed as it was typed, passwords included.
        and statement.query ~* '^\s*(select|insert|update|delete|merge|with|call)\M'
    group by role.rolname, statement.queryid;
exception
    when object_not_in_prerequisite_state then
        -- The extension is there, and its library was not loaded when the server started.
        return;
end;
$function$;

comment on function lockstep.find_statements() is
$comment$What pg_stat_statements, in the schema public, has counted in this database, by role and statement; nothing where it is not there.

Runs as lockstep_coupler, which may see the statements of other roles where it is in pg_read_all_stats. Locks nothing.$comment$;

revoke all on function lockstep.find_statements() from public;
grant execute on function lockstep.find_statements() to lockstep_admin, lockstep_readonly;
