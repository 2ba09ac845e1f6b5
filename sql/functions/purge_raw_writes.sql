create or replace function lockstep.purge_raw_writes()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_sessions constant integer[] := array(select activity.pid from pg_catalog.pg_stat_activity as activity);
    v_purged bigint;
begin
    delete from lockstep.raw_writes as seen
    where seen.last_seen_at < now() - (
        select setting.value::interval
        from lockstep.settings as setting
        where setting.name = 'raw_write_retention'
    );

    get diagnostics v_purged = row_count;

    -- A session that ended writes its row no more: those of one kind become one.
    with ended as (
        delete from lockstep.raw_writes as seen
        where seen.backend_pid <> all(v_sessions)
        returning seen.*
    )

    insert into lockstep.raw_writes (
        backend_pid, database_role, application_name, table_name, operation, statements, first_seen_at, last_seen_at
    )
    select
        0,
        ended.database_role,
        ended.application_name,
        ended.table_name,
        ended.operation,
        sum(ended.statements),
        min(ended.first_seen_at),
        max(ended.last_seen_at)
    from ended
    group by ended.database_role, ended.application_name, ended.table_name, ended.operation;

    return v_purged;
end;
$function$;

comment on function lockstep.purge_raw_writes() is
$comment$Forgets who wrote raw SQL longer ago than the setting raw_write_retention (90 days unless changed), and adds
up the rows of sessions that ended.

Returns how many were forgotten.$comment$;

revoke all on function lockstep.purge_raw_writes() from public;
grant execute on function lockstep.purge_raw_writes() to lockstep_admin;
