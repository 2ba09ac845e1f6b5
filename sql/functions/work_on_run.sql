create or replace function lockstep.work_on_run(
    p_run_id bigint,
    p_worker uuid,
    p_actor_id bigint default null
)
returns interval
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run lockstep.sync_runs;
begin
    select run.*
    into v_run
    from lockstep.sync_runs as run
    where run.id = p_run_id
    for no key update;

    if v_run.status is distinct from 'running' or v_run.worker is distinct from p_worker then
        perform lockstep.start_sync(p_run_id, p_actor_id);

        update lockstep.sync_runs as run
        set worker = p_worker,
            backend_pid = null
        where run.id = p_run_id;
    end if;

    return lockstep.batch_pause(lockstep.apply_sync_batch(p_run_id));
end;
$function$;

comment on function lockstep.work_on_run(bigint, uuid, bigint) is
$comment$One batch of a run, in one transaction, by a worker that comes through any server process of a pool.

The first call takes the run, as start_sync() does; it is the worker's until leave_run(), or until no batch
has come for the setting sync_lease. Returns how long to pause before the next call, null when the run is over.
Raises LS001 no such actor, LS015 no such run, LS016 already finished, LS017 somebody else is working on it.
Locks the run, and each item's specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.work_on_run(bigint, uuid, bigint) from public;
grant execute on function lockstep.work_on_run(bigint, uuid, bigint) to lockstep_admin;
