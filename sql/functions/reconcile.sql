-- A procedure that commits can carry neither security definer nor a search_path of its own: it only
-- calls pinned functions by their full names.
create or replace procedure lockstep.reconcile(
    inout run_id bigint default null
)
language plpgsql
as $procedure$
declare
    v_run lockstep.sync_runs;
    v_attempts integer;
begin
    for v_attempt in 1..3 loop
        v_run := lockstep.plan_reconcile(v_attempt);
        commit;
        exit when v_run.id is not null;
        perform lockstep.sync_pause(v_attempt);
        commit;
    end loop;

    run_id := v_run.id;

    if v_run.status = 'planned' then
        perform lockstep.start_sync(run_id);
        commit;
    end if;

    loop
        v_attempts := lockstep.apply_sync_batch(run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;

    perform lockstep.purge_sync_runs();
    perform lockstep.purge_idempotency_keys();
    perform lockstep.purge_sign_ins();
    perform lockstep.purge_lock_breaches();
    perform lockstep.purge_incidents();
    perform lockstep.purge_raw_writes();
    commit;
    perform lockstep.purge_projects();
    commit;
    perform lockstep.sweep_blobs();
    commit;
    perform lockstep.watch_incidents();
    commit;
end;
$procedure$;

comment on procedure lockstep.reconcile(bigint) is
$comment$The scheduled job: plans a repair of everything, applies it, throws away what is past its retention, and checks
incidents.

call lockstep.reconcile(). Outside a transaction block. Returns the id of the run; it is recorded as skipped
when another run is under way.$comment$;

revoke all on procedure lockstep.reconcile(bigint) from public;
grant execute on procedure lockstep.reconcile(bigint) to lockstep_admin;
