create or replace function lockstep.remove_member(
    p_actor_id bigint,
    p_group_id bigint,
    p_user_id bigint
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    delete from lockstep.group_members as member
    where member.user_id = p_user_id
        and member.group_id = p_group_id;
end;
$function$;

comment on function lockstep.remove_member(bigint, bigint, bigint) is
$comment$Takes a person out of a group, by an admin; somebody who is not in it changes nothing.

A membership that the provider claims comes back at the next sign-in.
Raises LS001 no such user, LS031 the actor is no admin, LS045 no such group.
Locks the user's row, then the membership.$comment$;

revoke all on function lockstep.remove_member(bigint, bigint, bigint) from public;
grant execute on function lockstep.remove_member(bigint, bigint, bigint) to lockstep_admin;
