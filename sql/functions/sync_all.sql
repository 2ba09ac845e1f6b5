-- A procedure that commits can carry neither security definer nor a search_path of its own: it only
-- calls pinned functions by their full names.
create or replace procedure lockstep.sync_all(
    p_direction text,
    p_dry_run boolean default true,
    inout run_id bigint default null,
    p_specialization_id text default null,
    p_requested_by bigint default null,
    p_reason text default null
)
language plpgsql
as $procedure$
declare
    v_attempts integer;
begin
    run_id := (lockstep.plan_sync(
        p_direction, p_specialization_id, null, null, p_requested_by, p_reason
    )).id;
    commit;

    if p_dry_run is not false then
        return;
    end if;

    perform lockstep.start_sync(run_id, p_requested_by);
    commit;

    loop
        v_attempts := lockstep.apply_sync_batch(run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;
end;
$procedure$;

comment on procedure lockstep.sync_all(text, boolean, bigint, text, bigint, text) is
$comment$Repairs every pair out of step, or (unless p_dry_run is false) only lists what it would do.

call lockstep.sync_all('to_higher_level'), then call lockstep.apply_sync(run_id) does just what was listed.
Outside a transaction block. Returns the id of the run.
Raises LS002 no such specialization, LS006 another direction.$comment$;

revoke all on procedure lockstep.sync_all(text, boolean, bigint, text, bigint, text) from public;
grant execute on procedure lockstep.sync_all(text, boolean, bigint, text, bigint, text) to lockstep_admin;
