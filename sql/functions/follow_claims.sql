create or replace function lockstep.follow_claims(
    p_user_id bigint,
    p_groups text[]
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_ids bigint[] := array[]::bigint[];
    v_name text;
begin
    -- In one order for all, or two who make the same new groups would wait for each other.
    for v_name in
        select distinct claimed.name
        from unnest(p_groups) as claimed (name)
        order by claimed.name
    loop
        v_ids := v_ids || lockstep.get_or_create_group(v_name);
    end loop;

    delete from lockstep.group_members as member
    where member.user_id = p_user_id
        and member.source = 'claim'
        and member.group_id <> all (v_ids);

    -- Where an admin put them in, that stays so.
    insert into lockstep.group_members (user_id, group_id, source)
    select p_user_id, claimed.id, 'claim'
    from unnest(v_ids) as claimed (id)
    on conflict on constraint group_members_pkey do nothing;
end;
$function$;

comment on function lockstep.follow_claims(bigint, text[]) is
$comment$Puts a person into the groups that their provider names, and takes them out of those that it named before.

Groups are made by name; what an admin did by hand stays. Raises 23502 or 23514 for a name that no group can have.
Waits for another who makes the same group.$comment$;

revoke all on function lockstep.follow_claims(bigint, text[]) from public;
