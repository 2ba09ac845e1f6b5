create or replace function lockstep.free_connections()
returns integer
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    select (
        select sum(case setting.name when 'max_connections' then 1 else -1 end * setting.setting::integer)
        from pg_catalog.pg_settings as setting
        where setting.name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    )::integer - (
        -- Of others' sessions only these columns show; what has no user or no database is none of them.
        select count(*)
        from pg_catalog.pg_stat_activity as session
        where session.usesysid is not null
            and session.datid is not null
            and session.pid <> pg_backend_pid()
    )::integer;
$function$;

comment on function lockstep.free_connections() is
$comment$How many connections the server would still take from a login that is no superuser, the caller's own counted as free.

The service asks before it starts. Locks nothing.$comment$;

revoke all on function lockstep.free_connections() from public;
grant execute on function lockstep.free_connections() to lockstep_app;
