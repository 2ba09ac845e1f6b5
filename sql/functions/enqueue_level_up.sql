create or replace function lockstep.enqueue_level_up(
    p_user_id bigint,
    p_specialization_id text,
    p_xp_gained bigint default 0,
    p_sessions_completed integer default 0,
    p_projects_completed integer default 0,
    p_theory_hours numeric default 0,
    p_practice_hours numeric default 0,
    p_advanced_by bigint default null,
    p_reason text default null,
    p_idempotency_key text default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_id bigint;
begin
    if not (row(
        p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed,
        p_projects_completed, p_theory_hours, p_practice_hours
    ) is not null)
        or least(p_xp_gained, p_sessions_completed, p_projects_completed, p_theory_hours, p_practice_hours) < 0
        or length(p_idempotency_key) not between 1 and 255
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user and specialization may not be null; gains may be neither null nor negative; a key has'
                ' 1 to 255 characters',
            hint = 'The arguments are those of level_up().';
    end if;

    perform lockstep.check_user(p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    if p_advanced_by is not null then
        perform lockstep.check_user(p_advanced_by);
    end if;

    insert into lockstep.queued_level_ups (
        user_id, specialization_id, xp_gained, sessions_completed, projects_completed, theory_hours,
        practice_hours, advanced_by, reason, idempotency_key
    )
    values (
        p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed, p_projects_completed, p_theory_hours,
        p_practice_hours, p_advanced_by, p_reason, p_idempotency_key
    )
    returning id into v_id;

    -- A wake-up and no more: who misses it polls.
    perform pg_notify('lockstep_queue', '');

    return v_id;
end;
$function$;

comment on function lockstep.enqueue_level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) is
$comment$Puts a level_up() into the queue: it counts when the caller commits, and is applied exactly once by a drain.

Entries of a pair are applied in the order of their ids; one enqueued after another was committed has the
higher id, two enqueued at the same time have no order. Returns the id of the entry.
Raises LS001 no such user or actor, LS002 no such specialization, LS006 invalid argument; the rest shows when it
is drained.$comment$;

revoke all on function lockstep.enqueue_level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) from public;
grant execute on function lockstep.enqueue_level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) to lockstep_app, lockstep_admin;
