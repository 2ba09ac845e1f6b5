create or replace function lockstep.list_groups(
    p_actor_id bigint,
    p_after_id bigint default null,
    p_limit integer default 100
)
returns setof lockstep.group_list
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select known.*
    from lockstep.group_list as known
    inner join lockstep.users as actor
        on actor.id = p_actor_id
        and actor.is_active
    where known.id > coalesce(p_after_id, 0)
        and (
            actor.role = 'admin'
            or exists (
                select from lockstep.group_members as member
                where member.user_id = p_actor_id
                    and member.group_id = known.id
            )
        )
    order by known.id
    limit p_limit;
$function$;

comment on function lockstep.list_groups(bigint, bigint, integer) is
'Groups by id, from after a given one: to an admin every group, to anybody else those that they are in.';

revoke all on function lockstep.list_groups(bigint, bigint, integer) from public;
grant execute on function lockstep.list_groups(bigint, bigint, integer) to lockstep_app;
