update lockstep.specializations as specialization
set max_levels = (quarantine.row_before ->> 'max_levels')::integer
from lockstep.quarantine as quarantine
where quarantine.migration = '0003'
    and quarantine.table_name = 'specializations'
    and quarantine.row_before is not null
    and quarantine.row_id = specialization.id;

-- What the migration added goes, unless somebody is in it by now.
delete from lockstep.specializations as specialization
using lockstep.quarantine as quarantine
where quarantine.migration = '0003'
    and quarantine.table_name = 'specializations'
    and quarantine.row_before is null
    and quarantine.row_id = specialization.id
    and not exists (
        select from lockstep.specialization_progress as progress
        where progress.specialization_id = specialization.id
    )
    and not exists (
        select from lockstep.user_licenses as license
        where license.specialization_type = specialization.id
    );

delete from lockstep.quarantine where migration = '0003';

drop table lockstep.specialization_levels;

set local client_min_messages = warning;
alter table if exists lockstep.legacy_player_levels rename to player_levels;
alter table if exists lockstep.legacy_coach_levels rename to coach_levels;
alter table if exists lockstep.legacy_internship_levels rename to internship_levels;
set local client_min_messages = notice;
