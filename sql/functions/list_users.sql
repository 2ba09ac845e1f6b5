create or replace function lockstep.list_users(
    p_actor_id bigint,
    p_role text default null,
    p_group_id bigint default null,
    p_is_active boolean default null,
    p_search text default null,
    p_after_id bigint default null,
    p_limit integer default 100
)
returns setof lockstep.people
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_role text;
begin
    if p_group_id is not null then
        perform lockstep.check_group(p_actor_id, p_group_id);
    end if;

    select actor.role
    into v_role
    from lockstep.users as actor
    where actor.id = p_actor_id
        and actor.is_active;

    return query
    select person.*
    from lockstep.people as person
    where person.id > coalesce(p_after_id, 0)
        -- The rule of may_see(), asked for all at once; a test compares the two.
        and (
            v_role = 'admin'
            or (person.id = p_actor_id and v_role is not null)
            or (
                v_role = 'instructor'
                and person.role = 'student'
                and not person.is_erased
                and (
                    person.id in (
                        select member.user_id
                        from lockstep.group_members as colleague
                        inner join lockstep.group_members as member on member.group_id = colleague.group_id
                        where colleague.user_id = p_actor_id
                    )
                    or not exists (
                        select from lockstep.group_members as member
                        where member.user_id = person.id
                    )
                )
            )
        )
        and (p_role is null or person.role = p_role)
        and (p_is_active is null or person.is_active = p_is_active)
        and (p_group_id is null or person.id in (
            select member.user_id
            from lockstep.group_members as member
            where member.group_id = p_group_id
        ))
        and (
            p_search is null
            or starts_with(lower(person.email), lower(p_search))
            or starts_with(lower(person.name), lower(p_search))
        )
    order by person.id
    limit p_limit;
end;
$function$;

comment on function lockstep.list_users(bigint, text, bigint, boolean, text, bigint, integer) is
$comment$The people whom the actor may see, by id, from after a given one.

p_search: what the e-mail address or the name begins with, whatever its case.
Raises LS045 no such group, or (to others than admins) none that they are in. Locks nothing.$comment$;

revoke all on function lockstep.list_users(bigint, text, bigint, boolean, text, bigint, integer) from public;
grant execute on function lockstep.list_users(bigint, text, bigint, boolean, text, bigint, integer) to lockstep_app;
