create or replace function lockstep.check_change(
    p_change lockstep.level_change,
    p_theory_hours_change numeric,
    p_practice_hours_change numeric
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_change.progress_new_level is distinct from p_change.progress_old_level
        and not exists (
            select from lockstep.specialization_levels as level
            where level.specialization_id = p_change.specialization_id
                and level.level = p_change.progress_new_level
        )
    then
        raise exception using
            errcode = 'LS003',
            message = 'level does not exist in this specialization',
            detail = format(
                'specialization_id=%s level=%s', p_change.specialization_id, p_change.progress_new_level
            ),
            hint = 'See lockstep.specialization_levels for those that exist.';
    end if;

    if least(
        p_change.total_xp, p_change.completed_sessions, p_change.completed_projects,
        p_change.theory_hours, p_change.practice_hours
    ) < 0 then
        raise exception using
            errcode = 'LS004',
            message = 'a total would fall below 0',
            detail = format(
                'user_id=%s specialization_id=%s total_xp=%s completed_sessions=%s completed_projects=%s'
                || ' theory_hours=%s practice_hours=%s',
                p_change.user_id, p_change.specialization_id, p_change.total_xp, p_change.completed_sessions,
                p_change.completed_projects, p_change.theory_hours, p_change.practice_hours
            ),
            hint = 'Take away no more than is there.';
    end if;

    if (p_theory_hours_change <> 0 or p_practice_hours_change <> 0)
        and not exists (
            select from lockstep.specialization_levels as level
            where level.specialization_id = p_change.specialization_id
                and level.theory_hours is not null
        )
    then
        raise exception using
            errcode = 'LS005',
            message = 'hours are not counted in this specialization',
            detail = format(
                'specialization_id=%s theory_hours=%s practice_hours=%s',
                p_change.specialization_id, p_theory_hours_change, p_practice_hours_change
            ),
            hint = 'Only a specialization whose level rows have theory_hours counts hours.';
    end if;
end;
$function$;

comment on function lockstep.check_change(lockstep.level_change, numeric, numeric) is
$comment$Refuses a change of a pair that the rules do not allow, before anything is written.

Raises LS003 no such level, LS004 a total would fall below 0, LS005 hours where none are counted.$comment$;

revoke all on function lockstep.check_change(lockstep.level_change, numeric, numeric) from public;
