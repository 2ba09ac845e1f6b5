create or replace function lockstep.request_undo(
    p_actor_id bigint,
    p_run_id bigint,
    p_dry_run boolean default false,
    p_reason text default null
)
returns lockstep.sync_runs
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run lockstep.sync_runs;
begin
    v_run := lockstep.plan_undo(p_run_id, p_actor_id, p_reason);

    if p_dry_run is false then
        v_run := lockstep.start_sync(v_run.id, p_actor_id);
        perform lockstep.leave_run(v_run.id);
    end if;

    return v_run;
end;
$function$;

comment on function lockstep.request_undo(bigint, bigint, boolean, text) is
$comment$plan_undo() by an admin who signed in; unless it is a dry run, the undo is under way then, for work_on_run().

Returns the undo's run: planned, running, or skipped when another run over many users is under way.
Raises what plan_undo() raises. Locks both runs.$comment$;

revoke all on function lockstep.request_undo(bigint, bigint, boolean, text) from public;
grant execute on function lockstep.request_undo(bigint, bigint, boolean, text) to lockstep_admin;
