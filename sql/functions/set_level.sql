create or replace function lockstep.set_level(
    p_actor_id bigint,
    p_user_id bigint,
    p_specialization_id text,
    p_new_level integer,
    p_xp_change bigint default 0,
    p_sessions_change integer default 0,
    p_projects_change integer default 0,
    p_theory_hours_change numeric default 0,
    p_practice_hours_change numeric default 0,
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

    return lockstep.update_level(
        p_user_id => p_user_id,
        p_specialization_id => p_specialization_id,
        p_new_level => p_new_level,
        p_xp_change => p_xp_change,
        p_sessions_change => p_sessions_change,
        p_projects_change => p_projects_change,
        p_theory_hours_change => p_theory_hours_change,
        p_practice_hours_change => p_practice_hours_change,
        p_advanced_by => p_actor_id,
        p_reason => p_reason,
        p_idempotency_key => p_idempotency_key
    );
end;
$function$;

comment on function lockstep.set_level(
    bigint, bigint, text, integer, bigint, integer, integer, numeric, numeric, text, text
) is
$comment$update_level() by a person who signed in: an instructor of their students, an admin of anybody.

Raises LS032 not their student, LS043 erased, and what update_level() raises.
Locks the key, then specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.set_level(
    bigint, bigint, text, integer, bigint, integer, integer, numeric, numeric, text, text
) from public;
grant execute on function lockstep.set_level(
    bigint, bigint, text, integer, bigint, integer, integer, numeric, numeric, text, text
) to lockstep_app;
