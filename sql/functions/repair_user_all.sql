create or replace function lockstep.repair_user_all(
    p_actor_id bigint,
    p_user_id bigint,
    p_direction text,
    p_reason text default null
)
returns setof lockstep.sync_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_access(p_actor_id, p_user_id, p_changes => true);

    return query
    select outcome.*
    from lockstep.sync_user_all(p_user_id, p_direction, null, p_actor_id, p_reason) as outcome;
end;
$function$;

comment on function lockstep.repair_user_all(bigint, bigint, text, text) is
$comment$sync_user_all() by a person who signed in: an instructor for their students, an admin for anybody.

Raises LS032 not their student, and what sync_user_all() raises.
Locks specialization_progress, then user_licenses, by specialization.$comment$;

revoke all on function lockstep.repair_user_all(bigint, bigint, text, text) from public;
grant execute on function lockstep.repair_user_all(bigint, bigint, text, text) to lockstep_app;
