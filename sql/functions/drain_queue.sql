-- A procedure that commits can carry neither security definer nor a search_path of its own: it only
-- calls pinned functions by their full names.
create or replace procedure lockstep.drain_queue(
    inout applied bigint default 0
)
language plpgsql
as $procedure$
declare
    v_result lockstep.drain_outcome;
begin
    applied := 0;

    loop
        v_result := lockstep.drain_level_ups();

        if v_result.breach_user_id is not null then
            perform lockstep.note_lock_breach(
                v_result.breach_user_id, v_result.breach_specialization_id, 'queue', v_result.breach_waited
            );
        end if;

        commit;
        applied := applied + v_result.applied;
        exit when v_result.applied + v_result.refused = 0;
    end loop;
end;
$procedure$;

comment on procedure lockstep.drain_queue(bigint) is
$comment$Drains the queue until nothing is left that can be applied now: a transaction a batch.

call lockstep.drain_queue(). Outside a transaction block. Returns how many entries were applied.$comment$;

revoke all on procedure lockstep.drain_queue(bigint) from public;
grant execute on procedure lockstep.drain_queue(bigint) to lockstep_app, lockstep_admin;
