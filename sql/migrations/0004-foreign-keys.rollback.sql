alter table lockstep.user_licenses
drop constraint fk_user_licenses_user,
drop constraint fk_user_licenses_spec,
drop constraint fk_user_licenses_level,
drop constraint fk_user_licenses_max_level,
drop constraint ck_user_licenses_max_achieved_level;

alter table lockstep.specialization_progress
drop constraint fk_specialization_progress_user,
drop constraint fk_specialization_progress_spec,
drop constraint fk_specialization_progress_level,
drop constraint ck_specialization_progress_not_negative;

alter table lockstep.specialization_levels
drop constraint fk_specialization_levels_specialization;

-- Rows that were put right get their old figures back, unless somebody wrote newer ones since.
update lockstep.specialization_progress as progress
set current_level = found_row.current_level,
    total_xp = found_row.total_xp,
    completed_sessions = found_row.completed_sessions,
    completed_projects = found_row.completed_projects,
    theory_hours_completed = found_row.theory_hours_completed,
    practice_hours_completed = found_row.practice_hours_completed
from lockstep.quarantine as quarantine
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, quarantine.row_before) as found_row
where quarantine.migration = '0004'
    and quarantine.table_name = 'specialization_progress'
    and quarantine.row_after is not null
    and progress.student_id = quarantine.user_id
    and progress.id = quarantine.row_id::bigint
    and to_jsonb(progress) = quarantine.row_after;

update lockstep.user_licenses as license
set current_level = found_row.current_level,
    max_achieved_level = found_row.max_achieved_level
from lockstep.quarantine as quarantine
cross join lateral jsonb_populate_record(null::lockstep.user_licenses, quarantine.row_before) as found_row
where quarantine.migration = '0004'
    and quarantine.table_name = 'user_licenses'
    and quarantine.row_after is not null
    and license.user_id = quarantine.user_id
    and license.id = quarantine.row_id::bigint
    and to_jsonb(license) = quarantine.row_after;

insert into lockstep.specialization_progress
select restored.*
from lockstep.quarantine as quarantine
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, quarantine.row_before) as restored
where quarantine.migration = '0004'
    and quarantine.table_name = 'specialization_progress'
    and quarantine.row_after is null;

insert into lockstep.user_licenses
select restored.*
from lockstep.quarantine as quarantine
cross join lateral jsonb_populate_record(null::lockstep.user_licenses, quarantine.row_before) as restored
where quarantine.migration = '0004'
    and quarantine.table_name = 'user_licenses'
    and quarantine.row_after is null;

delete from lockstep.quarantine where migration = '0004';
