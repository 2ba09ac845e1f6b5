create or replace function lockstep.delete_group(
    p_actor_id bigint,
    p_group_id bigint
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    delete from lockstep.groups as known
    where known.id = p_group_id;
end;
$function$;

comment on function lockstep.delete_group(bigint, bigint) is
$comment$Deletes a group, by an admin. Its people stay; students who were in no other are seen by every instructor then.

Raises LS031 the actor is no admin, LS045 no such group. Locks the group, then its memberships.$comment$;

revoke all on function lockstep.delete_group(bigint, bigint) from public;
grant execute on function lockstep.delete_group(bigint, bigint) to lockstep_admin;
