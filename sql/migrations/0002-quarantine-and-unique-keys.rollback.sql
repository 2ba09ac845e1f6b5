alter table lockstep.user_licenses drop constraint uq_user_licenses_user_spec;
alter table lockstep.specialization_progress drop constraint uq_specialization_progress_user_spec;

insert into lockstep.specialization_progress
select restored.*
from lockstep.quarantine as quarantine
cross join lateral jsonb_populate_record(null::lockstep.specialization_progress, quarantine.row_before) as restored
where quarantine.migration = '0002' and quarantine.table_name = 'specialization_progress';

insert into lockstep.user_licenses
select restored.*
from lockstep.quarantine as quarantine
cross join lateral jsonb_populate_record(null::lockstep.user_licenses, quarantine.row_before) as restored
where quarantine.migration = '0002' and quarantine.table_name = 'user_licenses';

update lockstep.license_progressions as progression
set user_license_id = quarantine.row_id::bigint
from lockstep.quarantine as quarantine
where quarantine.migration = '0002'
    and quarantine.table_name = 'user_licenses'
    and progression.id = any(quarantine.moved_references);

drop table lockstep.quarantine;
