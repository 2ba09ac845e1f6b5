alter table lockstep.specialization_progress drop constraint fk_specialization_progress_license;
alter table lockstep.user_licenses drop constraint fk_user_licenses_progress;
alter table lockstep.specialization_progress drop constraint uq_specialization_progress_user_spec_level;
alter table lockstep.user_licenses drop constraint uq_user_licenses_user_spec_level;

-- Rows get their old figures back, and sides that were made go, unless somebody wrote them since.
update lockstep.specialization_progress as progress
set current_level = (quarantine.row_before ->> 'current_level')::integer
from lockstep.quarantine as quarantine
where quarantine.migration = '0005'
    and quarantine.table_name = 'specialization_progress'
    and progress.student_id = quarantine.user_id
    and progress.id = quarantine.row_id::bigint
    and quarantine.row_before is not null
    and to_jsonb(progress) = quarantine.row_after;

update lockstep.user_licenses as license
set current_level = (quarantine.row_before ->> 'current_level')::integer,
    max_achieved_level = (quarantine.row_before ->> 'max_achieved_level')::integer
from lockstep.quarantine as quarantine
where quarantine.migration = '0005'
    and quarantine.table_name = 'user_licenses'
    and license.user_id = quarantine.user_id
    and license.id = quarantine.row_id::bigint
    and quarantine.row_before is not null
    and to_jsonb(license) = quarantine.row_after;

delete from lockstep.specialization_progress as progress
using lockstep.quarantine as quarantine
where quarantine.migration = '0005'
    and quarantine.table_name = 'specialization_progress'
    and progress.student_id = quarantine.user_id
    and progress.id = quarantine.row_id::bigint
    and quarantine.row_before is null
    and to_jsonb(progress) = quarantine.row_after;

delete from lockstep.user_licenses as license
using lockstep.quarantine as quarantine
where quarantine.migration = '0005'
    and quarantine.table_name = 'user_licenses'
    and license.user_id = quarantine.user_id
    and license.id = quarantine.row_id::bigint
    and quarantine.row_before is null
    and to_jsonb(license) = quarantine.row_after;

delete from lockstep.quarantine where migration = '0005';
