create or replace function lockstep.write_levels(
    p_user_id bigint,
    p_specialization_id text,
    p_license_id bigint,
    p_progress_from integer,
    p_license_from integer,
    p_to_level integer,
    p_write_progress boolean,
    p_write_license boolean,
    p_route text,
    p_xp_change bigint default 0,
    p_sessions_change integer default 0,
    p_projects_change integer default 0,
    p_theory_hours_change numeric default 0,
    p_practice_hours_change numeric default 0,
    p_advanced_by bigint default null,
    p_reason text default null,
    p_requirements_met text default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_now constant timestamptz := clock_timestamp();
    v_from constant integer := case
        when p_license_from is distinct from p_to_level then p_license_from
        else p_progress_from
    end;
    v_progression_id bigint;
begin
    -- One by one: Citus takes no statement that writes three tables, with defaults that are volatile.
    update lockstep.specialization_progress as progress
    set current_level = p_to_level,
        total_xp = progress.total_xp + p_xp_change,
        completed_sessions = progress.completed_sessions + p_sessions_change,
        completed_projects = progress.completed_projects + p_projects_change,
        theory_hours_completed = progress.theory_hours_completed + p_theory_hours_change,
        practice_hours_completed = progress.practice_hours_completed + p_practice_hours_change,
        last_activity = v_now,
        updated_at = v_now
    where p_write_progress
        and progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id;

    update lockstep.user_licenses as license
    set current_level = p_to_level,
        max_achieved_level = greatest(license.max_achieved_level, p_to_level),
        last_advanced_at = v_now,
        updated_at = v_now
    where p_write_license
        and license.user_id = p_user_id
        and license.specialization_type = p_specialization_id;

    -- A side that changed; a side made at level 1 is none.
    if coalesce(p_progress_from, 1) <> p_to_level or coalesce(p_license_from, 1) <> p_to_level then
        insert into lockstep.license_progressions (
            user_id, user_license_id, from_level, to_level, progress_from_level, advanced_by,
            advancement_reason, requirements_met, advanced_at, route
        )
        values (
            p_user_id, p_license_id, v_from, p_to_level, nullif(p_progress_from, v_from), p_advanced_by,
            p_reason, p_requirements_met, v_now, p_route
        )
        returning id into v_progression_id;
    end if;

    return v_progression_id;
end;
$function$;

comment on function lockstep.write_levels(
    bigint, text, bigint, integer, integer, integer, boolean, boolean, text,
    bigint, integer, integer, numeric, numeric, bigint, text, text
) is
$comment$The one place where a level is written and its history row with it.

The caller holds the locks and has checked everything; the sides are told apart so that a mirror
writes only the other one. The levels before are null where a side was just made.
Returns the id of the history row, null when no level changed.$comment$;

revoke all on function lockstep.write_levels(
    bigint, text, bigint, integer, integer, integer, boolean, boolean, text,
    bigint, integer, integer, numeric, numeric, bigint, text, text
) from public;
