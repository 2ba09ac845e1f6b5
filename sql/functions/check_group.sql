create or replace function lockstep.check_group(
    p_actor_id bigint,
    p_group_id bigint
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select
        from lockstep.groups as known
        inner join lockstep.users as actor on actor.id = p_actor_id
        where known.id = p_group_id
            and (
                actor.role = 'admin'
                or exists (
                    select from lockstep.group_members as member
                    where member.user_id = p_actor_id
                        and member.group_id = p_group_id
                )
            )
    ) then
        raise exception using
            errcode = 'LS045',
            message = 'group not found',
            detail = format('group_id=%s', coalesce(p_group_id::text, 'null')),
            hint = 'An admin sees every group; anybody else those that they are in.';
    end if;
end;
$function$;

comment on function lockstep.check_group(bigint, bigint) is
$comment$Raises LS045 when there is no such group, or (to others than admins) none that the actor is in.$comment$;

revoke all on function lockstep.check_group(bigint, bigint) from public;
