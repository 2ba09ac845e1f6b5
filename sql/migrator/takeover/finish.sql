-- After the migrations: what stood on the desk is kept, and the repair of pairs is written down as a run,
-- to be seen in the ledger and undone from there.
insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after, survivor_id)
select '0021', desk.table_name, desk.reason, desk.row_id, desk.row_before, desk.row_after, desk.survivor_id
from desk_row as desk
order by desk.position;

create temporary table desk_pair on commit drop as
with side as (
    select
        quarantine.id,
        quarantine.migration,
        quarantine.user_id,
        quarantine.table_name,
        coalesce(
            coalesce(quarantine.row_after, quarantine.row_before) ->> 'specialization_id',
            coalesce(quarantine.row_after, quarantine.row_before) ->> 'specialization_type'
        ) as specialization_id,
        quarantine.row_before
    from lockstep.quarantine as quarantine
    where quarantine.migration in ('0004', '0005')
        and quarantine.row_after is not null
        and quarantine.table_name in ('specialization_progress', 'user_licenses')
)

select
    progress.student_id as user_id,
    progress.specialization_id,
    progress.current_level as level,
    license.id as license_id,
    bool_or(side.migration = '0005') as is_desync,
    bool_or(side.migration = '0005' and side.table_name = 'user_licenses') as is_license,
    bool_or(side.migration = '0005' and side.row_before is null) as is_made,
    -- As the step that brought them together saw them.
    (array_agg(side.row_before) filter (
        where side.migration = '0005' and side.table_name = 'specialization_progress'
    ))[1] as progress_before,
    (array_agg(side.row_before) filter (
        where side.migration = '0005' and side.table_name = 'user_licenses'
    ))[1] as license_before,
    -- As they were found.
    (array_agg(side.row_before order by side.id) filter (
        where side.table_name = 'specialization_progress'
    ))[1] as progress_found,
    (array_agg(side.row_before order by side.id) filter (
        where side.table_name = 'user_licenses'
    ))[1] as license_found,
    bool_or(side.table_name = 'specialization_progress') as progress_touched,
    bool_or(side.table_name = 'user_licenses') as license_touched
from side
inner join lockstep.specialization_progress as progress
    on progress.student_id = side.user_id
    and progress.specialization_id = side.specialization_id
inner join lockstep.user_licenses as license
    on license.user_id = side.user_id
    and license.specialization_type = side.specialization_id
group by progress.student_id, progress.specialization_id, progress.current_level, license.id;

with run as (
    insert into lockstep.sync_runs (
        direction, dry_run, status, reason, job_end, last_batch_at, issues_found, synced_count, message
    )
    select 'to_higher_level', false, 'success', 'take-over', clock_timestamp(), clock_timestamp(), count(*), count(*),
        'found out of step by the take-over'
    from desk_pair as pair
    where pair.is_desync
    having count(*) > 0
    returning id
)

insert into lockstep.sync_run_items (
    user_id, run_id, specialization_id, issue_type, action, source, progress_before, license_before,
    expected_level, outcome, attempts, progress_after, license_after, applied_at
)
select
    pair.user_id,
    run.id,
    pair.specialization_id,
    case
        when not pair.is_made then 'level_mismatch'
        when pair.is_license then 'missing_license'
        else 'missing_progress'
    end,
    case when pair.is_made then 'create_' else 'update_' end || case when pair.is_license then 'license' else 'progress' end,
    case when pair.is_license then 'progress' else 'license' end,
    case when pair.is_license then to_jsonb(progress) else pair.progress_before end,
    case when pair.is_license then pair.license_before else to_jsonb(license) end,
    pair.level,
    'synced',
    1,
    to_jsonb(progress),
    to_jsonb(license),
    clock_timestamp()
from run
cross join desk_pair as pair
inner join lockstep.specialization_progress as progress
    on progress.student_id = pair.user_id
    and progress.specialization_id = pair.specialization_id
inner join lockstep.user_licenses as license
    on license.user_id = pair.user_id
    and license.id = pair.license_id
where pair.is_desync;

-- Each level that changed has its row in the history, as from any other repair.
with found as (
    select
        pair.*,
        case when pair.progress_touched then (pair.progress_found ->> 'current_level')::integer else pair.level end
        as progress_from,
        case when pair.license_touched then (pair.license_found ->> 'current_level')::integer else pair.level end
        as license_from
    from desk_pair as pair
),

made as (
    insert into lockstep.license_progressions (
        user_id, user_license_id, from_level, to_level, progress_from_level, advancement_reason, route
    )
    select
        found.user_id,
        found.license_id,
        replaced.level,
        found.level,
        nullif(found.progress_from, replaced.level),
        'take-over',
        'repair'
    from found
    cross join lateral (
        select case
            when found.license_from is distinct from found.level then found.license_from else found.progress_from
        end as level
    ) as replaced
    where coalesce(found.progress_from, 1) <> found.level
        or coalesce(found.license_from, 1) <> found.level
    order by found.user_id, found.specialization_id
    returning id
)

insert into desk_found (step, kind, name, detail)
select 5, 'history', 'license_progressions', jsonb_agg(made.id)
from made
having count(*) > 0;

insert into lockstep.taken_over (step, kind, name, detail, undo)
select desk.step, desk.kind, desk.name, desk.detail, desk.undo
from desk_found as desk
order by desk.step, desk.position;
