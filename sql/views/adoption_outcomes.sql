create or replace view lockstep.adoption_outcomes as
select
    'adopt' as way,
    adopted.source,
    adopted.table_name,
    adopted.source_id,
    adopted.outcome,
    adopted.reasons,
    adopted.user_id,
    adopted.content,
    null::jsonb as became,
    adopted.adopted_at
from lockstep.adopted_rows as adopted
where adopted.outcome in ('repaired', 'quarantined', 'conflict')
    -- A level that is here as it is there is no news.
    or (adopted.outcome = 'merged' and adopted.reasons <> '{}')
union all
-- In place a row may have been put right in several steps.
select
    'in place',
    current_database()::text,
    step.table_name,
    step.row_id,
    case
        when bool_or(step.row_after is null and step.survivor_id is not null) then 'merged'
        when bool_or(step.row_after is null) then 'quarantined'
        when bool_or(step.row_before is null) then 'made'
        else 'repaired'
    end,
    array_agg(distinct reason.word),
    min(step.user_id),
    coalesce(
        (array_agg(step.row_before order by step.place) filter (where step.row_before is not null))[1],
        (array_agg(step.row_after order by step.place))[1]
    ),
    (array_agg(step.row_after order by step.place desc))[1],
    max(step.quarantined_at)
from (
    -- What a take-over cleans comes before the migrations, and is written down after them.
    select found.*, row(found.migration <> '0021', found.id) as place
    from lockstep.quarantine as found
    -- Our own beginning of a curriculum is nobody's row.
    where found.table_name <> 'specializations'
        or found.row_before is not null
) as step
cross join lateral (
    select
        step.table_name in ('specialization_progress', 'user_licenses') as is_side,
        coalesce(step.row_before ->> 'specialization_id', step.row_before ->> 'specialization_type') as specialization_id,
        array[
            step.row_before ->> 'total_xp', step.row_before ->> 'completed_sessions',
            step.row_before ->> 'completed_projects', step.row_before ->> 'theory_hours_completed',
            step.row_before ->> 'practice_hours_completed'
        ] as figures
) as row
cross join lateral (
    select array_remove(array[
        case when step.reason like 'duplicate%' then 'duplicate' end,
        case
            when not row.is_side or step.reason not like 'orphan:%' then null
            when not exists (select from lockstep.users as person where person.id = step.user_id) then 'no_user'
        end,
        case
            when not row.is_side or step.reason not like 'orphan:%' then null
            when not exists (
                select from lockstep.specializations as specialization where specialization.id = row.specialization_id
            ) then 'no_specialization'
        end,
        case
            when step.table_name <> 'license_progressions' or step.row_after is not null then null
            when step.reason like 'orphan:%' and exists (
                select from lockstep.quarantine as license
                where license.table_name = 'user_licenses'
                    and license.row_id = step.row_before ->> 'user_license_id'
                    and license.row_after is null
            ) then 'license_in_quarantine'
            when step.reason like 'orphan:%' or step.row_before ->> 'user_license_id' is null then 'no_license'
            when step.row_before ->> 'to_level' is null then 'impossible_level'
        end,
        case when step.reason like 'advanced_by %' then 'no_actor' end,
        case
            when row.is_side and step.migration = '0004' and step.row_after is not null
                and step.row_after ->> 'current_level' is distinct from step.row_before ->> 'current_level'
                then 'impossible_level'
        end,
        case
            when step.migration <> '0004' or step.table_name <> 'user_licenses' or step.row_after is null then null
            when (step.row_after ->> 'max_achieved_level')::integer < (step.row_before ->> 'max_achieved_level')::integer
                then 'max_achieved_above'
            when step.row_after ->> 'max_achieved_level' is distinct from step.row_before ->> 'max_achieved_level'
                then 'max_achieved_below'
        end,
        case
            when step.migration = '0004' and step.table_name = 'specialization_progress' and step.row_after is not null
                and exists (select from unnest(row.figures) as figure (value) where figure.value like '-%')
                then 'negative_figure'
        end,
        case
            when step.migration = '0004' and step.table_name = 'specialization_progress' and step.row_after is not null
                and exists (
                    select from unnest(row.figures) as figure (value) where coalesce(figure.value, 'NaN') = 'NaN'
                )
                then 'missing_figure'
        end,
        case when step.reason like 'desync:%' then 'desync' end,
        case when step.reason in ('missing license', 'missing progress') then 'missing_side' end,
        case when step.reason like 'max_levels was %' then 'max_levels_differ' end,
        case when step.reason = 'missing specialization' then 'missing_specialization' end,
        case when step.reason ~ '(^|; )no mail' then 'no_mail' end,
        case when step.reason ~ '(^|; )mail of user ' then 'same_mail' end,
        case
            when step.reason !~ '(^|; )role ' then null
            when lower(btrim(step.row_before ->> 'role')) in ('student', 'instructor', 'admin') then 'role_in_another_case'
            else 'unknown_role'
        end,
        case when step.reason ~ '(^|; )value missing' then 'missing_value' end,
        case when step.reason like 'hours %' then 'figure_cut' end
    ], null) as words
) as named
cross join lateral unnest(
    -- The words of adopted_rows for what the steps say in sentences.
    case
        when named.words <> '{}' then named.words
        when step.reason like 'orphan:%' then array['no_user']
        else array[step.reason]
    end
) as reason (word)
group by step.table_name, step.row_id;

comment on view lockstep.adoption_outcomes is
$comment$Rows of other systems that are not here as they were, however they were taken over, in the same words: docs/adoption.md
explains each. What came over as it was is not in it.$comment$;
comment on column lockstep.adoption_outcomes.way is 'adopt, or in place: taken over, or cleaned by a migration, where it stood.';
comment on column lockstep.adoption_outcomes.source is 'The source that was adopted; in place, this database.';
comment on column lockstep.adoption_outcomes.outcome is
'repaired, merged, quarantined, conflict: as in adopted_rows; made: a row that was missing.';
comment on column lockstep.adoption_outcomes.content is 'The whole row as it was found; as it was made, where it was missing.';
comment on column lockstep.adoption_outcomes.became is 'In place: the row as the step left it. Null where it left, or was made.';
