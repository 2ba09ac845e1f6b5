create or replace function lockstep.request_run(
    p_actor_id bigint,
    p_direction text,
    p_specialization_id text default null,
    p_user_id bigint default null,
    p_limit bigint default null,
    p_dry_run boolean default true,
    p_reason text default null,
    p_pairs jsonb default null
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
    v_run := lockstep.plan_sync(p_direction, p_specialization_id, p_user_id, p_limit, p_actor_id, p_reason, p_pairs);

    if p_dry_run is false then
        v_run := lockstep.start_sync(v_run.id, p_actor_id);
        perform lockstep.leave_run(v_run.id);
    end if;

    return v_run;
end;
$function$;

comment on function lockstep.request_run(bigint, text, text, bigint, bigint, boolean, text, jsonb) is
$comment$plan_sync() by an admin who signed in; unless it is a dry run, the run is under way then, for work_on_run().

Returns the run: planned, running, or skipped when another run over many users is under way.
Raises what plan_sync() raises. Locks the run.$comment$;

revoke all on function lockstep.request_run(bigint, text, text, bigint, bigint, boolean, text, jsonb) from public;
grant execute on function lockstep.request_run(bigint, text, text, bigint, bigint, boolean, text, jsonb) to lockstep_admin;
