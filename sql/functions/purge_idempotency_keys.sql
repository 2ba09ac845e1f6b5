create or replace function lockstep.purge_idempotency_keys()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_purged bigint;
begin
    delete from lockstep.idempotency_keys as known
    where known.created_at < now() - (
        select setting.value::interval
        from lockstep.settings as setting
        where setting.name = 'idempotency_retention'
    );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$function$;

comment on function lockstep.purge_idempotency_keys() is
$comment$Deletes idempotency keys older than the setting idempotency_retention (30 days unless changed).

Returns how many.$comment$;

revoke all on function lockstep.purge_idempotency_keys() from public;
grant execute on function lockstep.purge_idempotency_keys() to lockstep_admin;
