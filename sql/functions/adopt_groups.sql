create or replace function lockstep.adopt_groups(
    p_run_id bigint
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_rows bigint;
begin
    insert into lockstep.groups (name)
    select btrim(staged.content ->> 'name')
    from lockstep.adoption_staging as staged
    where staged.table_name = 'groups'
        and staged.state = 'new'
        and staged.outcome = 'imported'
    order by 1
    on conflict on constraint uq_groups_name do nothing;

    update lockstep.adoption_staging as staged
    set target_id = (
            select min(known.id)
            from lockstep.groups as known
            where lower(known.name) = lower(btrim(staged.content ->> 'name'))
        )::text
    where staged.table_name = 'groups'
        and staged.outcome in ('imported', 'merged');

    insert into lockstep.group_members (user_id, group_id)
    select distinct
        staged.user_id,
        team.target_id::bigint
    from lockstep.adoption_staging as staged
    inner join lockstep.adoption_staging as team
        on team.table_name = 'groups'
        and team.source_id = staged.content ->> 'group_id'
    where staged.table_name = 'user_groups'
        and staged.state = 'new'
        and staged.outcome = 'imported'
    order by 1, 2
    on conflict on constraint group_members_pkey do nothing;

    v_rows := lockstep.record_adopted(p_run_id, array['groups', 'user_groups']);
    return v_rows;
end;
$function$;

comment on function lockstep.adopt_groups(bigint) is
$comment$Brings groups and who is in them over, in one go. Returns how many rows were written down.

A group that was renamed in the source keeps its name here. Locks the users' rows that become members.$comment$;

revoke all on function lockstep.adopt_groups(bigint) from public;
