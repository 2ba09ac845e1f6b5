create or replace view lockstep.level_distribution as
select
    level.specialization_id as specialization,
    level.level,
    level.name,
    coalesce(held.students, 0) as students
from lockstep.specialization_levels as level
left outer join (
    -- By the columns of uq_specialization_progress_user_spec_level: the index is enough, no row is read.
    select
        progress.specialization_id,
        progress.current_level,
        count(*) as students
    from lockstep.specialization_progress as progress
    group by progress.specialization_id, progress.current_level
) as held
    on held.specialization_id = level.specialization_id
    and held.current_level = level.level;

comment on view lockstep.level_distribution is
'How many students are at each level of each specialization, by their progress; it reads every pair.';
comment on column lockstep.level_distribution.specialization is 'The id of the specialization.';
comment on column lockstep.level_distribution.students is '0 for a level that nobody is at.';

grant select on lockstep.level_distribution to lockstep_admin, lockstep_readonly;
