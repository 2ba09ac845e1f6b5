create or replace function lockstep.purge_sync_runs()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_purged bigint;
begin
    delete from lockstep.sync_runs as run
    where run.status <> 'running'
        and run.job_start < now() - lockstep.setting('sync_retention')::interval
        -- An undo that is still to be done reads the rows as this run found them.
        and not exists (
            select from lockstep.sync_runs as later
            where later.undo_of = run.id
                and later.status in ('planned', 'running', 'failed')
        );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$function$;

comment on function lockstep.purge_sync_runs() is
$comment$Deletes runs, and their items, older than the setting sync_retention (90 days unless changed), but none
that runs or that an undo still needs.

Returns how many runs.$comment$;

revoke all on function lockstep.purge_sync_runs() from public;
grant execute on function lockstep.purge_sync_runs() to lockstep_admin;
