create or replace function lockstep.level_up(
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
returns lockstep.level_change
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not (row(
        p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed,
        p_projects_completed, p_theory_hours, p_practice_hours
    ) is not null)
        or least(p_xp_gained, p_sessions_completed, p_projects_completed, p_theory_hours, p_practice_hours) < 0
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user and specialization may not be null; gains may be neither null nor negative',
            hint = 'level_up() only adds; update_level() takes away.';
    end if;

    return lockstep.change_pair(
        'level_up', p_user_id, p_specialization_id, null, p_xp_gained, p_sessions_completed,
        p_projects_completed, p_theory_hours, p_practice_hours, p_advanced_by, p_reason,
        p_idempotency_key
    );
end;
$function$;

comment on function lockstep.level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) is
$comment$Adds what was earned to the totals of a pair and raises its level as far as they reach.

Level n+1 is reached when XP, sessions and (where its row asks for them) hours, all totals since the start,
reach what it requires; one level at a time, up to the first that is not met. Never lowers. Makes a missing
pair. A pair out of step keeps its levels: desync is true in what comes back.
Raises LS001 no such user or actor, LS002 no such specialization, LS005 hours where none are counted, LS006 invalid
argument, LS007 key used otherwise; 40001, 40P01: retry.
Locks the key, then specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) from public;
grant execute on function lockstep.level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) to lockstep_app, lockstep_admin;
