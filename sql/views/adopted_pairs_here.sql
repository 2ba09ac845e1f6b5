create or replace view lockstep.adopted_pairs_here as
select
    progress.student_id as user_id,
    progress.specialization_id,
    progress.id as progress_id,
    license.id as license_id,
    progress.current_level,
    progress.total_xp,
    md5(concat_ws(
        '|',
        progress.current_level, progress.total_xp, progress.completed_sessions, progress.completed_projects,
        progress.theory_hours_completed, progress.practice_hours_completed,
        license.current_level, license.max_achieved_level, license.is_active, license.instructor_notes
    )) as state
from lockstep.specialization_progress as progress
inner join lockstep.user_licenses as license
    on license.user_id = progress.student_id
    and license.specialization_type = progress.specialization_id;

comment on view lockstep.adopted_pairs_here is
'Pairs with what tells whether they are still as an adoption left them.';
comment on column lockstep.adopted_pairs_here.state is 'A hash of the figures, the level and the words of both sides.';

grant select on lockstep.adopted_pairs_here to lockstep_coupler;
