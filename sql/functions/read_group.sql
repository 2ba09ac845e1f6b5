create or replace function lockstep.read_group(
    p_actor_id bigint,
    p_group_id bigint
)
returns setof lockstep.group_list
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_group(p_actor_id, p_group_id);

    return query
    select known.*
    from lockstep.group_list as known
    where known.id = p_group_id;
end;
$function$;

comment on function lockstep.read_group(bigint, bigint) is
$comment$A group, for somebody who may see it.

Raises LS045 no such group, or (to others than admins) none that they are in. Locks nothing.$comment$;

revoke all on function lockstep.read_group(bigint, bigint) from public;
grant execute on function lockstep.read_group(bigint, bigint) to lockstep_app;
