create or replace function lockstep.restore_pair(
    p_item lockstep.sync_run_items,
    p_run lockstep.sync_runs
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_done lockstep.sync_run_items;
    v_progress lockstep.specialization_progress;
    v_license lockstep.user_licenses;
    v_level integer;
    v_in_step boolean;
begin
    select done.*
    into strict v_done
    from lockstep.sync_run_items as done
    where done.run_id = p_run.undo_of
        and done.user_id = p_item.user_id
        and done.specialization_id = p_item.specialization_id;

    if v_done.progress_before is null or v_done.license_before is null then
        -- A side that the repair made stays: without it the other would stand alone.
        return 'undone_in_step';
    end if;

    v_progress := jsonb_populate_record(null::lockstep.specialization_progress, v_done.progress_before);
    v_license := jsonb_populate_record(null::lockstep.user_licenses, v_done.license_before);
    v_in_step := v_progress.current_level = v_license.current_level;
    -- A disagreement cannot come back: both sides take the level that the repair replaced.
    v_level := case
        when v_in_step or v_done.source = 'license' then v_progress.current_level
        else v_license.current_level
    end;

    perform lockstep.write_levels(
        p_user_id => p_item.user_id,
        p_specialization_id => p_item.specialization_id,
        p_license_id => v_license.id,
        p_progress_from => (p_item.progress_before ->> 'current_level')::integer,
        p_license_from => (p_item.license_before ->> 'current_level')::integer,
        p_to_level => v_level,
        p_write_progress => true,
        p_write_license => true,
        p_route => 'repair',
        p_advanced_by => coalesce(p_run.applied_by, p_run.requested_by),
        p_reason => coalesce(p_run.reason, format('run %s: undo of run %s', p_run.id, p_run.undo_of))
    );

    update lockstep.specialization_progress as progress
    set total_xp = v_progress.total_xp,
        completed_sessions = v_progress.completed_sessions,
        completed_projects = v_progress.completed_projects,
        theory_hours_completed = v_progress.theory_hours_completed,
        practice_hours_completed = v_progress.practice_hours_completed,
        last_activity = v_progress.last_activity,
        created_at = v_progress.created_at,
        updated_at = v_progress.updated_at
    where progress.student_id = p_item.user_id
        and progress.specialization_id = p_item.specialization_id;

    update lockstep.user_licenses as license
    set max_achieved_level = greatest(v_license.max_achieved_level, v_level),
        started_at = v_license.started_at,
        last_advanced_at = v_license.last_advanced_at,
        is_active = v_license.is_active,
        instructor_notes = v_license.instructor_notes,
        created_at = v_license.created_at,
        updated_at = v_license.updated_at
    where license.user_id = p_item.user_id
        and license.specialization_type = p_item.specialization_id;

    return case when v_in_step then 'undone' else 'undone_in_step' end;
end;
$function$;

comment on function lockstep.restore_pair(lockstep.sync_run_items, lockstep.sync_runs) is
$comment$Puts a pair back as it was before the run that is being undone; the caller holds the locks.

Returns undone where every column came back, undone_in_step where the old state was a disagreement: then
both sides take the level that the repair replaced, and a side that the repair made stays.$comment$;

revoke all on function lockstep.restore_pair(lockstep.sync_run_items, lockstep.sync_runs) from public;
