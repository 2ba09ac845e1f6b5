create or replace function lockstep.list_members(
    p_actor_id bigint,
    p_group_id bigint,
    p_after_user_id bigint default null,
    p_limit integer default 100
)
returns setof lockstep.membership_list
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_group(p_actor_id, p_group_id);

    return query
    select member.*
    from lockstep.membership_list as member
    inner join lockstep.users as actor on actor.id = p_actor_id
    where member.group_id = p_group_id
        and member.user_id > coalesce(p_after_user_id, 0)
        -- The rule of may_see(), where both are in the group.
        and (
            actor.role = 'admin'
            or member.user_id = p_actor_id
            or (actor.role = 'instructor' and member.role = 'student')
        )
    order by member.user_id
    limit p_limit;
end;
$function$;

comment on function lockstep.list_members(bigint, bigint, bigint, integer) is
$comment$Those in a group whom the actor may see, by user, from after a given one.

Raises LS045 no such group, or (to others than admins) none that they are in. Locks nothing.$comment$;

revoke all on function lockstep.list_members(bigint, bigint, bigint, integer) from public;
grant execute on function lockstep.list_members(bigint, bigint, bigint, integer) to lockstep_app;
