create or replace view lockstep.player_levels as
select
    level.level as id,
    level.name,
    level.name_en,
    level.color,
    level.required_xp,
    level.required_sessions
from lockstep.specialization_levels as level
where level.specialization_id = 'PLAYER';

comment on view lockstep.player_levels is
'The levels of PLAYER as rows of their own, by level number: a view of specialization_levels, to read only.';

grant select on lockstep.player_levels to lockstep_app, lockstep_admin, lockstep_readonly, lockstep_legacy;
