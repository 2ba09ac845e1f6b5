create or replace function lockstep.check_access(
    p_actor_id bigint,
    p_user_id bigint,
    p_changes boolean default false
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_role text;
begin
    select actor.role
    into v_role
    from lockstep.users as actor
    where actor.id = p_actor_id;

    -- Staff is told that somebody does not exist; a student learns nothing about other ids.
    if v_role in ('admin', 'instructor') then
        perform lockstep.check_user(p_user_id);
    end if;

    -- Nobody awards anything to themselves but an admin, who could make another account for it.
    if not lockstep.may_see(p_actor_id, p_user_id)
        or (p_changes and v_role <> 'admin' and (v_role <> 'instructor' or p_actor_id = p_user_id))
    then
        raise exception using
            errcode = 'LS032',
            message = 'this person is not yours to see or to change',
            detail = format('actor_id=%s user_id=%s', p_actor_id, p_user_id),
            hint = 'A student sees themselves; an instructor the students of their groups, and those in none.';
    end if;
end;
$function$;

comment on function lockstep.check_access(bigint, bigint, boolean) is
$comment$Lets the actor read, or change, the progress of a user, by the rule of may_see().

Changing is for instructors and admins.
Raises LS001 no such user (to instructors and admins only), LS032 not theirs. Locks nothing.$comment$;

revoke all on function lockstep.check_access(bigint, bigint, boolean) from public;
