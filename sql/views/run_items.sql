create or replace view lockstep.run_items as
select
    item.run_id,
    item.user_id,
    person.email as user_email,
    item.specialization_id as specialization,
    item.issue_type,
    (item.progress_before ->> 'current_level')::integer as progress_level,
    (item.license_before ->> 'current_level')::integer as license_level,
    item.action,
    item.expected_level,
    item.outcome,
    item.detail,
    item.error_code,
    item.attempts,
    item.applied_at
from lockstep.sync_run_items as item
left outer join lockstep.users as person on person.id = item.user_id;

comment on view lockstep.run_items is 'What each run is to do to each pair, and what came of it.';
comment on column lockstep.run_items.progress_level is 'As the plan saw it; null where it was missing.';
comment on column lockstep.run_items.license_level is 'As the plan saw it; null where it was missing.';

grant select on lockstep.run_items to lockstep_coupler, lockstep_admin, lockstep_readonly;
