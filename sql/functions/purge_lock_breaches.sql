create or replace function lockstep.purge_lock_breaches()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_purged bigint;
begin
    delete from lockstep.lock_breaches as breach
    where breach.noticed_at < now() - (
        select setting.value::interval
        from lockstep.settings as setting
        where setting.name = 'breach_retention'
    );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$function$;

comment on function lockstep.purge_lock_breaches() is
$comment$Deletes breaches of the lock budget older than the setting breach_retention (30 days unless changed).

Returns how many.$comment$;

revoke all on function lockstep.purge_lock_breaches() from public;
grant execute on function lockstep.purge_lock_breaches() to lockstep_admin;
