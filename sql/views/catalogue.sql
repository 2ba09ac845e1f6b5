create or replace view lockstep.catalogue as
select
    specialization.id,
    specialization.name,
    specialization.icon,
    specialization.max_levels,
    specialization.is_active,
    (
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'level', level.level,
                'name', level.name,
                'required_xp', level.required_xp,
                'required_sessions', level.required_sessions,
                'theory_hours', level.theory_hours,
                'practice_hours', level.practice_hours,
                'total_hours', level.total_hours
            )
            order by level.level
        ), '[]')
        from lockstep.specialization_levels as level
        where level.specialization_id = specialization.id
    ) as levels
from lockstep.specializations as specialization;

comment on view lockstep.catalogue is 'The specializations, each with its levels as JSON.';
comment on column lockstep.catalogue.levels is 'From level 1 up: name, and what reaching it takes, since the start.';

grant select on lockstep.catalogue to lockstep_coupler, lockstep_admin, lockstep_readonly;
