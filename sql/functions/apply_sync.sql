-- A procedure that commits can carry neither security definer nor a search_path of its own: it only
-- calls pinned functions by their full names.
create or replace procedure lockstep.apply_sync(
    p_run_id bigint,
    p_applied_by bigint default null
)
language plpgsql
as $procedure$
declare
    v_attempts integer;
begin
    perform lockstep.start_sync(p_run_id, p_applied_by);
    commit;

    loop
        v_attempts := lockstep.apply_sync_batch(p_run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;
end;
$procedure$;

comment on procedure lockstep.apply_sync(bigint, bigint) is
$comment$Applies a planned run, or goes on with one whose worker died: batch by batch, a commit after each.

call lockstep.apply_sync(7). Outside a transaction block. What came of it: lockstep.runs, lockstep.run_items.
Raises LS001 no such actor, LS015 no such run, LS016 already finished, LS017 somebody is working on it.$comment$;

revoke all on procedure lockstep.apply_sync(bigint, bigint) from public;
grant execute on procedure lockstep.apply_sync(bigint, bigint) to lockstep_admin;
