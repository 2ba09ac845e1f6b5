-- after: recommended_action
create or replace view lockstep.desync as
select
    coalesce(progress.student_id, license.user_id) as user_id,
    (
        select person.email
        from lockstep.users as person
        where person.id = coalesce(progress.student_id, license.user_id)
    ) as user_email,
    coalesce(progress.specialization_id, license.specialization_type) as specialization,
    progress.current_level as progress_level,
    license.current_level as license_level,
    progress.current_level - license.current_level as difference,
    case
        when license.user_id is null then 'missing_license'
        when progress.student_id is null then 'missing_progress'
        else 'level_mismatch'
    end as issue_type,
    lockstep.recommended_action(progress.current_level, license.current_level) as recommended_action
-- In the order of uq_specialization_progress_user_spec_level and uq_user_licenses_user_spec_level: so
-- these two indexes are merged, in constant memory, where the planner would hash a table and spill it.
from (
    select one.student_id, one.specialization_id, one.current_level
    from lockstep.specialization_progress as one
    order by one.student_id, one.specialization_id, one.current_level
) as progress
full outer join (
    select one.user_id, one.specialization_type, one.current_level
    from lockstep.user_licenses as one
    order by one.user_id, one.specialization_type, one.current_level
) as license
    -- The sides as in coalesce() above: so a filter on user or specialization reaches both tables.
    on progress.student_id = license.user_id
    and progress.specialization_id = license.specialization_type
-- "is distinct from", said so that the planner expects few pairs, not most of them.
where case when progress.current_level = license.current_level then 0 else 1 end = 1;

comment on view lockstep.desync is
'Every pair whose progress and license disagree: what somebody forced past the rules. Empty is healthy.';
comment on column lockstep.desync.user_email is 'The user''s address, as in users.';
comment on column lockstep.desync.specialization is 'The id of the specialization.';
comment on column lockstep.desync.difference is 'Progress minus license; null where a side is missing.';
comment on column lockstep.desync.issue_type is 'level_mismatch, missing_license or missing_progress.';
comment on column lockstep.desync.recommended_action is
'sync_to_higher_level, create_license_from_progress or create_progress_from_license.';

grant select on lockstep.desync to lockstep_coupler, lockstep_admin, lockstep_readonly, lockstep_legacy;
