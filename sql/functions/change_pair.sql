create or replace function lockstep.change_pair(
    p_user_id bigint,
    p_specialization_id text,
    p_new_level integer,
    p_xp_change bigint,
    p_sessions_change integer,
    p_projects_change integer,
    p_theory_hours_change numeric,
    p_practice_hours_change numeric,
    p_advanced_by bigint,
    p_reason text
)
returns lockstep.level_change
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_pair lockstep.locked_pair;
    v_requirements_met text;
    v_answer lockstep.level_change;
begin
    if p_advanced_by is not null then
        perform lockstep.check_user(p_advanced_by);
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses.
    v_pair := lockstep.lock_pair(p_user_id, p_specialization_id, p_new_level is not null);

    v_answer.user_id := p_user_id;
    v_answer.specialization_id := p_specialization_id;
    v_answer.progress_old_level := case when not v_pair.progress_created then (v_pair.progress).current_level end;
    v_answer.license_old_level := case when not v_pair.license_created then (v_pair.license).current_level end;
    v_answer.desync := v_answer.progress_old_level is distinct from v_answer.license_old_level;
    v_answer.total_xp := (v_pair.progress).total_xp + p_xp_change;
    v_answer.completed_sessions := (v_pair.progress).completed_sessions + p_sessions_change;
    v_answer.completed_projects := (v_pair.progress).completed_projects + p_projects_change;
    v_answer.theory_hours := (v_pair.progress).theory_hours_completed + p_theory_hours_change;
    v_answer.practice_hours := (v_pair.progress).practice_hours_completed + p_practice_hours_change;
    v_answer.xp_change := p_xp_change;
    v_answer.sessions_change := p_sessions_change;
    v_answer.replayed := false;

    if p_new_level is not null then
        v_answer.progress_new_level := p_new_level;
        v_answer.license_new_level := p_new_level;
    elsif v_answer.desync then
        -- An award of XP neither heals a pair out of step nor hides it.
        v_answer.progress_new_level := (v_pair.progress).current_level;
        v_answer.license_new_level := (v_pair.license).current_level;
    else
        v_answer.progress_new_level := lockstep.reached_level(
            p_specialization_id, (v_pair.progress).current_level, v_answer.total_xp,
            v_answer.completed_sessions, v_answer.theory_hours, v_answer.practice_hours
        );
        v_answer.license_new_level := v_answer.progress_new_level;
    end if;

    perform lockstep.check_change(v_answer, p_theory_hours_change, p_practice_hours_change);

    if p_new_level is null and v_answer.progress_new_level > (v_pair.progress).current_level then
        v_requirements_met := lockstep.requirements_met(v_answer);
    end if;

    v_answer.progression_created := lockstep.write_levels(
        p_user_id => p_user_id,
        p_specialization_id => p_specialization_id,
        p_license_id => (v_pair.license).id,
        p_progress_from => v_answer.progress_old_level,
        -- A license that this call leaves out of step has no change to record.
        p_license_from => case
            when v_answer.license_new_level = v_answer.progress_new_level then v_answer.license_old_level
            else v_answer.progress_new_level
        end,
        p_to_level => v_answer.progress_new_level,
        p_write_progress => true,
        p_write_license => v_answer.license_new_level <> (v_pair.license).current_level,
        p_route => 'function',
        p_xp_change => p_xp_change,
        p_sessions_change => p_sessions_change,
        p_projects_change => p_projects_change,
        p_theory_hours_change => p_theory_hours_change,
        p_practice_hours_change => p_practice_hours_change,
        p_advanced_by => p_advanced_by,
        p_reason => p_reason,
        p_requirements_met => v_requirements_met
    ) is not null;

    v_answer.max_achieved_level := greatest((v_pair.license).max_achieved_level, v_answer.license_new_level);
    v_answer.message := case
        when v_answer.desync and p_new_level is null
            then 'The pair is out of step: totals added, no level changed'
        when v_answer.desync then format('Level set to %s on a pair that was out of step', p_new_level)
        when v_answer.progression_created then format(
            'Level changed from %s to %s',
            coalesce(v_answer.license_old_level::text, 'none'), v_answer.license_new_level
        )
        else format('Level stays at %s', v_answer.license_new_level)
    end;

    return v_answer;
end;
$function$;

comment on function lockstep.change_pair(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text
) is
$comment$The general way of update_level() and level_up(), for whatever is not the ordinary call: locks, rules, write, answer.

Without a new level it is the level that the totals reach; a pair out of step then keeps its levels.
Raises LS001 to LS005 as its callers say.
Locks specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.change_pair(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text
) from public;
