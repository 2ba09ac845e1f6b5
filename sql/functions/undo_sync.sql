-- A procedure that commits can carry neither security definer nor a search_path of its own: it only
-- calls pinned functions by their full names.
create or replace procedure lockstep.undo_sync(
    p_run_id bigint,
    inout undo_run_id bigint default null,
    p_requested_by bigint default null,
    p_reason text default null
)
language plpgsql
as $procedure$
declare
    v_attempts integer;
begin
    undo_run_id := (lockstep.plan_undo(p_run_id, p_requested_by, p_reason)).id;
    perform lockstep.start_sync(undo_run_id, p_requested_by);
    commit;

    loop
        v_attempts := lockstep.apply_sync_batch(undo_run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;
end;
$procedure$;

comment on procedure lockstep.undo_sync(bigint, bigint, bigint, text) is
$comment$Undoes a run, batch by batch, a commit after each; the undo is a run too, and can be undone.

call lockstep.undo_sync(7). Outside a transaction block. Returns the id of the undo's run.
Every column of both rows comes back, except where the old state was a disagreement: then both sides take
the level that the repair replaced. A pair that changed since is skipped.
Raises LS015 no such run, LS018 nothing to undo.$comment$;

revoke all on procedure lockstep.undo_sync(bigint, bigint, bigint, text) from public;
grant execute on procedure lockstep.undo_sync(bigint, bigint, bigint, text) to lockstep_admin;
