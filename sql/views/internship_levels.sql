create or replace view lockstep.internship_levels as
select
    level.level as id,
    level.name,
    level.name_en,
    level.color,
    level.required_xp,
    level.required_sessions,
    level.total_hours
from lockstep.specialization_levels as level
where level.specialization_id = 'INTERNSHIP';

comment on view lockstep.internship_levels is
'The levels of INTERNSHIP as rows of their own, by level number: a view of specialization_levels, to read only.';

grant select on lockstep.internship_levels to lockstep_app, lockstep_admin, lockstep_readonly, lockstep_legacy;
