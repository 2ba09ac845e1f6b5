-- Hours that had to fit into two decimals, once the column can hold them again.
update lockstep.specialization_progress as progress
set theory_hours_completed = was.theory_hours_completed,
    practice_hours_completed = was.practice_hours_completed
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, desk.row_before) as was
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, desk.row_after) as now_is
where desk.table_name = 'specialization_progress'
    and desk.row_after is not null
    and desk.reason <> 'value missing'
    and progress.id = desk.row_id::bigint
    and progress.theory_hours_completed = now_is.theory_hours_completed
    and progress.practice_hours_completed = now_is.practice_hours_completed;
