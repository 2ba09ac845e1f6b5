create or replace function lockstep.check_run(
    p_run_id bigint
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (select from lockstep.sync_runs as run where run.id = p_run_id) then
        raise exception using
            errcode = 'LS015',
            message = 'run not found',
            detail = format('run_id=%s', coalesce(p_run_id::text, 'null')),
            hint = 'See lockstep.runs for those that exist.';
    end if;
end;
$function$;

comment on function lockstep.check_run(bigint) is 'Raises LS015 unless there is such a run. Locks nothing.';

revoke all on function lockstep.check_run(bigint) from public;
