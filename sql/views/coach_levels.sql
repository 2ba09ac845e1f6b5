create or replace view lockstep.coach_levels as
select
    level.level as id,
    level.name,
    level.name_en,
    level.color,
    level.required_xp,
    level.required_sessions,
    level.theory_hours,
    level.practice_hours
from lockstep.specialization_levels as level
where level.specialization_id = 'COACH';

comment on view lockstep.coach_levels is
'The levels of COACH as rows of their own, by level number: a view of specialization_levels, to read only.';

grant select on lockstep.coach_levels to lockstep_app, lockstep_admin, lockstep_readonly, lockstep_legacy;
