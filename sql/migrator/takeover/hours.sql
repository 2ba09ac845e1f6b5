-- Hours that numeric(8, 2) cannot hold, or holds as another figure, before the column becomes one.
with judged as (
    select
        progress.id,
        to_jsonb(progress) as row_before,
        greatest(least(progress.theory_hours_completed::numeric, 999999.99), -999999.99) as theory,
        greatest(least(progress.practice_hours_completed::numeric, 999999.99), -999999.99) as practice,
        progress.theory_hours_completed::numeric as theory_found,
        progress.practice_hours_completed::numeric as practice_found
    from lockstep.specialization_progress as progress
)

insert into desk_row (table_name, reason, row_id, row_before, row_after)
select
    'specialization_progress',
    'hours that are too many, or have more than two decimals',
    judged.id::text,
    judged.row_before,
    judged.row_before || jsonb_build_object(
        'theory_hours_completed', round(judged.theory, 2),
        'practice_hours_completed', round(judged.practice, 2)
    )
from judged
-- What is no number, the migrations put right.
where (judged.theory_found <> 'NaN' and round(judged.theory, 2) <> judged.theory_found)
    or (judged.practice_found <> 'NaN' and round(judged.practice, 2) <> judged.practice_found);

update lockstep.specialization_progress as progress
set theory_hours_completed = (changed.row_after ->> 'theory_hours_completed')::numeric,
    practice_hours_completed = (changed.row_after ->> 'practice_hours_completed')::numeric
from desk_row as changed
where changed.table_name = 'specialization_progress'
    and progress.id = changed.row_id::bigint;
