create or replace function lockstep.rename_group(
    p_actor_id bigint,
    p_group_id bigint,
    p_name text
)
returns lockstep.group_list
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_group lockstep.group_list;
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    update lockstep.groups as known
    set name = p_name
    where known.id = p_group_id;

    select renamed.*
    into v_group
    from lockstep.group_list as renamed
    where renamed.id = p_group_id;

    return v_group;
end;
$function$;

comment on function lockstep.rename_group(bigint, bigint, text) is
$comment$Gives a group another name, by an admin. A provider that goes on saying the old one makes a new group of it.

Returns the group.
Raises LS031 the actor is no admin, LS045 no such group, 23505 name taken, 23514 a name too long or empty.
Locks the group.$comment$;

revoke all on function lockstep.rename_group(bigint, bigint, text) from public;
grant execute on function lockstep.rename_group(bigint, bigint, text) to lockstep_admin;
