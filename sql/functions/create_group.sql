create or replace function lockstep.create_group(
    p_actor_id bigint,
    p_name text
)
returns lockstep.group_list
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_id bigint;
    v_group lockstep.group_list;
begin
    perform lockstep.check_admin(p_actor_id);

    v_id := lockstep.get_or_create_group(p_name);

    select known.*
    into v_group
    from lockstep.group_list as known
    where known.id = v_id;

    return v_group;
end;
$function$;

comment on function lockstep.create_group(bigint, text) is
$comment$get_or_create_group() by an admin who signed in: the group of this name, made if there is none.

Raises LS031 the actor is no admin, and what get_or_create_group() raises. Waits for another who makes it.$comment$;

revoke all on function lockstep.create_group(bigint, text) from public;
grant execute on function lockstep.create_group(bigint, text) to lockstep_admin;
