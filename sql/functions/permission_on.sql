create or replace function lockstep.permission_on(
    p_actor_id bigint,
    p_user_id bigint,
    p_project_id bigint
)
returns lockstep.project_permission
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select case
        when bool_or(actor.id = p_user_id or actor.role = 'admin') then 'ADMIN'::lockstep.project_permission
        else greatest(
            max(share.permission),
            case
                when bool_or(actor.role = 'instructor' and lockstep.may_see(actor.id, p_user_id))
                    then 'READ'::lockstep.project_permission
            end
        )
    end
    from lockstep.users as actor
    left outer join lockstep.project_shares as share
        on share.user_id = p_user_id
        and share.project_id = p_project_id
        and (
            share.grantee_user_id = actor.id
            or exists (
                select from lockstep.group_members as member
                where member.group_id = share.grantee_group_id
                    and member.user_id = actor.id
            )
        )
    where actor.id = p_actor_id
        and actor.is_active;
$function$;

comment on function lockstep.permission_on(bigint, bigint, bigint) is
$comment$What the actor may do with the project of this owner: the highest of all that they were granted; null: nothing.

The owner and an admin: ADMIN. An instructor READs what their students build (may_see()). Locks nothing.$comment$;

revoke all on function lockstep.permission_on(bigint, bigint, bigint) from public;
