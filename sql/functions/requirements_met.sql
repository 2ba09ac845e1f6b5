create or replace function lockstep.requirements_met(
    p_change lockstep.level_change
)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select concat_ws(
        ', ',
        format('total_xp %s of %s', p_change.total_xp, level.required_xp),
        format('completed_sessions %s of %s', p_change.completed_sessions, level.required_sessions),
        'theory_hours ' || p_change.theory_hours || ' of ' || level.theory_hours,
        'practice_hours ' || p_change.practice_hours || ' of ' || level.practice_hours
    )
    from lockstep.specialization_levels as level
    where level.specialization_id = p_change.specialization_id
        and level.level = p_change.progress_new_level;
$function$;

comment on function lockstep.requirements_met(lockstep.level_change) is
'The totals that reached a level, each with what the level asks for, as the history keeps them.';

revoke all on function lockstep.requirements_met(lockstep.level_change) from public;
