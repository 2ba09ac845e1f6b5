create or replace function lockstep.read_user(
    p_actor_id bigint,
    p_user_id bigint
)
returns setof lockstep.people
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);

    return query
    select person.*
    from lockstep.people as person
    where person.id = p_user_id;
end;
$function$;

comment on function lockstep.read_user(bigint, bigint) is
$comment$A person, for somebody who may see them.

Raises LS001 no such user, LS032 not theirs to see. Locks nothing.$comment$;

revoke all on function lockstep.read_user(bigint, bigint) from public;
grant execute on function lockstep.read_user(bigint, bigint) to lockstep_app;
