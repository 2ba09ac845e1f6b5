-- The rows that the take-over cleaned by itself, as they were; what was written since stays.
insert into lockstep.specialization_progress
select restored.*
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, desk.row_before) as restored
where desk.table_name = 'specialization_progress' and desk.row_after is null;

insert into lockstep.user_licenses
select restored.*
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.user_licenses, desk.row_before) as restored
where desk.table_name = 'user_licenses' and desk.row_after is null;

insert into lockstep.license_progressions
select restored.*
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.license_progressions, desk.row_before) as restored
where desk.table_name = 'license_progressions' and desk.row_after is null;

update lockstep.users as person
set email = case when person.email = now_is.email then was.email else person.email end,
    name = case when person.name = now_is.name then was.name else person.name end,
    role = case when person.role = now_is.role then was.role else person.role end,
    is_active = case when person.is_active = now_is.is_active then was.is_active else person.is_active end,
    created_at = case when person.created_at = now_is.created_at then was.created_at else person.created_at end,
    updated_at = case when person.updated_at = now_is.updated_at then was.updated_at else person.updated_at end
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.users, desk.row_before) as was
cross join lateral jsonb_populate_record(null::lockstep.users, desk.row_after) as now_is
where desk.table_name = 'users'
    and person.id = desk.row_id::bigint;

update lockstep.specializations as specialization
set name = case when specialization.name = now_is.name then was.name else specialization.name end,
    max_levels = case
        when specialization.max_levels = now_is.max_levels then was.max_levels else specialization.max_levels
    end,
    is_active = case
        when specialization.is_active = now_is.is_active then was.is_active else specialization.is_active
    end,
    created_at = case
        when specialization.created_at = now_is.created_at then was.created_at else specialization.created_at
    end
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.specializations, desk.row_before) as was
cross join lateral jsonb_populate_record(null::lockstep.specializations, desk.row_after) as now_is
where desk.table_name = 'specializations'
    and specialization.id = desk.row_id;

update lockstep.specialization_progress as progress
set created_at = case when progress.created_at = now_is.created_at then was.created_at else progress.created_at end,
    updated_at = case when progress.updated_at = now_is.updated_at then was.updated_at else progress.updated_at end
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, desk.row_before) as was
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, desk.row_after) as now_is
where desk.table_name = 'specialization_progress'
    and desk.reason = 'value missing'
    and progress.id = desk.row_id::bigint;

update lockstep.user_licenses as license
set started_at = case when license.started_at = now_is.started_at then was.started_at else license.started_at end,
    is_active = case when license.is_active = now_is.is_active then was.is_active else license.is_active end,
    created_at = case when license.created_at = now_is.created_at then was.created_at else license.created_at end,
    updated_at = case when license.updated_at = now_is.updated_at then was.updated_at else license.updated_at end
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.user_licenses, desk.row_before) as was
cross join lateral jsonb_populate_record(null::lockstep.user_licenses, desk.row_after) as now_is
where desk.table_name = 'user_licenses'
    and desk.row_after is not null
    and license.id = desk.row_id::bigint;

update lockstep.license_progressions as progression
set advanced_at = null
from desk_row as desk
cross join lateral jsonb_populate_record(null::lockstep.license_progressions, desk.row_after) as now_is
where desk.table_name = 'license_progressions'
    and desk.row_after is not null
    and progression.id = desk.row_id::bigint
    and progression.advanced_at = now_is.advanced_at;
