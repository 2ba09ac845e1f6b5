create or replace function lockstep.repair_user(
    p_actor_id bigint,
    p_user_id bigint,
    p_specialization_id text,
    p_direction text,
    p_reason text default null
)
returns lockstep.sync_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_access(p_actor_id, p_user_id, p_changes => true);

    return lockstep.sync_user(p_user_id, p_specialization_id, p_direction, p_actor_id, p_reason);
end;
$function$;

comment on function lockstep.repair_user(bigint, bigint, text, text, text) is
$comment$sync_user() by a person who signed in: an instructor for their students, an admin for anybody.

Raises LS032 not their student, and what sync_user() raises.
Locks specialization_progress, then user_licenses, by specialization.$comment$;

revoke all on function lockstep.repair_user(bigint, bigint, text, text, text) from public;
grant execute on function lockstep.repair_user(bigint, bigint, text, text, text) to lockstep_app;
