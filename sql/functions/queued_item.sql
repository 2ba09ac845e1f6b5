create or replace function lockstep.queued_item(
    p_entry lockstep.queued_level_ups
)
returns lockstep.batch_item
language sql
immutable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select
        p_entry.user_id,
        p_entry.specialization_id,
        null::integer,
        p_entry.xp_gained,
        p_entry.sessions_completed,
        p_entry.projects_completed,
        p_entry.theory_hours,
        p_entry.practice_hours,
        p_entry.advanced_by,
        p_entry.reason,
        p_entry.idempotency_key;
$function$;

comment on function lockstep.queued_item(lockstep.queued_level_ups) is 'An entry of the queue as an item of a batch.';

revoke all on function lockstep.queued_item(lockstep.queued_level_ups) from public;
