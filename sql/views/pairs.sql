create or replace view lockstep.pairs as
select
    coalesce(progress.student_id, license.user_id) as user_id,
    coalesce(progress.specialization_id, license.specialization_type) as specialization,
    progress.current_level as progress_level,
    license.current_level as license_level,
    license.max_achieved_level,
    coalesce(progress.current_level = license.current_level, false) as consistent,
    progress.total_xp,
    progress.completed_sessions,
    progress.completed_projects,
    progress.theory_hours_completed as theory_hours,
    progress.practice_hours_completed as practice_hours,
    progress.last_activity,
    license.started_at,
    license.last_advanced_at,
    license.is_active as license_is_active,
    level.name as level_name,
    next_level.level as next_level,
    next_level.name as next_level_name,
    next_level.required_xp as next_required_xp,
    next_level.required_sessions as next_required_sessions,
    next_level.theory_hours as next_theory_hours,
    next_level.practice_hours as next_practice_hours
from lockstep.specialization_progress as progress
full outer join lockstep.user_licenses as license
    -- The sides as in coalesce() above: so a filter on user or specialization reaches both tables.
    on progress.student_id = license.user_id
    and progress.specialization_id = license.specialization_type
left outer join lockstep.specialization_levels as level
    on level.specialization_id = coalesce(progress.specialization_id, license.specialization_type)
    and level.level = coalesce(progress.current_level, license.current_level)
left outer join lockstep.specialization_levels as next_level
    on next_level.specialization_id = coalesce(progress.specialization_id, license.specialization_type)
    and next_level.level = coalesce(progress.current_level, license.current_level) + 1;

comment on view lockstep.pairs is 'What a person has earned and holds in each specialization, and what the next level asks for.';
comment on column lockstep.pairs.consistent is 'Whether both sides are at the same level.';
comment on column lockstep.pairs.level_name is 'Of the level that progress is at; of the license where there is no progress.';
comment on column lockstep.pairs.next_level is 'Null at the top.';
comment on column lockstep.pairs.license_is_active is 'False: the license is suspended; null: there is none.';
comment on column lockstep.pairs.next_required_xp is 'XP since the start, not what is still missing.';
comment on column lockstep.pairs.next_required_sessions is 'Sessions since the start.';
comment on column lockstep.pairs.next_theory_hours is 'Hours since the start; null where none are asked for.';
comment on column lockstep.pairs.next_practice_hours is 'Hours since the start; null where none are asked for.';

grant select on lockstep.pairs to lockstep_coupler, lockstep_admin, lockstep_readonly;
