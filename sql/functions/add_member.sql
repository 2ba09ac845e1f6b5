create or replace function lockstep.add_member(
    p_actor_id bigint,
    p_group_id bigint,
    p_user_id bigint
)
returns lockstep.membership_list
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_member lockstep.membership_list;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_not_erased(p_user_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    -- Whom an admin puts in, the provider does not take out any more.
    insert into lockstep.group_members as known (user_id, group_id, source)
    values (p_user_id, p_group_id, 'manual')
    on conflict on constraint group_members_pkey do update
        set source = excluded.source
        where known.source <> excluded.source;

    select member.*
    into v_member
    from lockstep.membership_list as member
    where member.user_id = p_user_id
        and member.group_id = p_group_id;

    return v_member;
end;
$function$;

comment on function lockstep.add_member(bigint, bigint, bigint) is
$comment$Puts a person into a group, by an admin; again changes nothing.

Raises LS001 no such user, LS031 the actor is no admin, LS043 erased, LS045 no such group.
Locks the user's row, then the membership.$comment$;

revoke all on function lockstep.add_member(bigint, bigint, bigint) from public;
grant execute on function lockstep.add_member(bigint, bigint, bigint) to lockstep_admin;
