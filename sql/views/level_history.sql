create or replace view lockstep.level_history as
select
    progression.id,
    progression.user_id,
    license.specialization_type as specialization,
    progression.from_level,
    progression.progress_from_level,
    progression.to_level,
    progression.advanced_by,
    progression.advancement_reason as reason,
    progression.requirements_met,
    progression.route,
    progression.application_name,
    progression.advanced_at
from lockstep.license_progressions as progression
inner join lockstep.user_licenses as license
    on license.user_id = progression.user_id
    and license.id = progression.user_license_id;

comment on view lockstep.level_history is 'Every level change, with its specialization; database role and address are in license_progressions only.';
comment on column lockstep.level_history.from_level is 'The level of the license before; null where it was made.';
comment on column lockstep.level_history.progress_from_level is 'The level of progress before, where the two sides differed.';
comment on column lockstep.level_history.advanced_by is 'The user who did it, as the application says.';

grant select on lockstep.level_history to lockstep_coupler, lockstep_admin, lockstep_readonly;
