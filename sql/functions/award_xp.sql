create or replace function lockstep.award_xp(
    p_actor_id bigint,
    p_user_id bigint,
    p_specialization_id text,
    p_xp_gained bigint default 0,
    p_sessions_completed integer default 0,
    p_projects_completed integer default 0,
    p_theory_hours numeric default 0,
    p_practice_hours numeric default 0,
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
    perform lockstep.check_access(p_actor_id, p_user_id, p_changes => true);
    perform lockstep.check_not_erased(p_user_id);

    return lockstep.level_up(
        p_user_id => p_user_id,
        p_specialization_id => p_specialization_id,
        p_xp_gained => p_xp_gained,
        p_sessions_completed => p_sessions_completed,
        p_projects_completed => p_projects_completed,
        p_theory_hours => p_theory_hours,
        p_practice_hours => p_practice_hours,
        p_advanced_by => p_actor_id,
        p_reason => p_reason,
        p_idempotency_key => p_idempotency_key
    );
end;
$function$;

comment on function lockstep.award_xp(
    bigint, bigint, text, bigint, integer, integer, numeric, numeric, text, text
) is
$comment$level_up() by a person who signed in: an instructor to their students, an admin to anybody.

Raises LS032 not their student, LS043 erased, and what level_up() raises.
Locks the key, then specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.award_xp(
    bigint, bigint, text, bigint, integer, integer, numeric, numeric, text, text
) from public;
grant execute on function lockstep.award_xp(
    bigint, bigint, text, bigint, integer, integer, numeric, numeric, text, text
) to lockstep_app;
