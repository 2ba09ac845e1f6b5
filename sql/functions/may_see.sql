create or replace function lockstep.may_see(
    p_actor_id bigint,
    p_user_id bigint
)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select coalesce(bool_or(
        actor.id = p_user_id
        or actor.role = 'admin'
        or (
            actor.role = 'instructor'
            and exists (
                select from lockstep.users as person
                where person.id = p_user_id
                    and person.role = 'student'
            )
            and not exists (
                select from lockstep.erasures as erasure
                where erasure.user_id = p_user_id
            )
            and (
                not exists (
                    select from lockstep.group_members as member
                    where member.user_id = p_user_id
                )
                or exists (
                    select from lockstep.group_members as member
                    inner join lockstep.group_members as colleague on colleague.group_id = member.group_id
                    where member.user_id = p_user_id
                        and colleague.user_id = p_actor_id
                )
            )
        )
    ), false)
    from lockstep.users as actor
    where actor.id = p_actor_id
        and actor.is_active;
$function$;

comment on function lockstep.may_see(bigint, bigint) is
$comment$Whether the first may read what belongs to the second: the one rule of who sees whom.

Everybody sees themselves; an admin everybody; an instructor the students who share a group with them, and
those who are in no group, unless they were erased. Locks nothing.$comment$;

revoke all on function lockstep.may_see(bigint, bigint) from public;
