create or replace view lockstep.queue_set_aside as
select
    entry.user_id,
    entry.id as entry_id,
    entry.specialization_id,
    entry.error_code,
    entry.error,
    entry.enqueued_at,
    entry.set_aside_at,
    entry.xp_gained,
    entry.sessions_completed,
    entry.projects_completed,
    entry.theory_hours,
    entry.practice_hours,
    entry.advanced_by,
    entry.reason,
    entry.idempotency_key,
    entry.database_role,
    entry.application_name,
    entry.client_address
from lockstep.queued_level_ups as entry
where entry.set_aside_at is not null;

comment on view lockstep.queue_set_aside is
'Entries that were refused three times, with the error: requeue_level_up() or discard_level_up() them.';

grant select on lockstep.queue_set_aside to lockstep_admin, lockstep_readonly;
