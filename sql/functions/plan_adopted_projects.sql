create or replace function lockstep.plan_adopted_projects()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Names of groups that differ in nothing but case are one group: the first of them, or the one that is here.
    update lockstep.adoption_staging as staged
    set outcome = case
            when wanted.name is null or length(wanted.name) > 200 then 'quarantined'
            when wanted.place > 1 or wanted.here then 'merged'
            else 'imported'
        end,
        reasons = array_remove(array[
            case when wanted.name is null then 'no_name' when length(wanted.name) > 200 then 'name_too_long' end,
            case when wanted.name is not null and wanted.place > 1 then 'same_name' end,
            case when wanted.place = 1 and wanted.here then 'same_name_here' end
        ], null)
    from (
        select
            row.source_id,
            nullif(btrim(row.content ->> 'name'), '') as name,
            row_number() over (
                partition by lower(btrim(row.content ->> 'name')) order by length(row.source_id), row.source_id
            ) as place,
            exists (
                select from lockstep.groups as known
                where lower(known.name) = lower(btrim(row.content ->> 'name'))
            ) as here
        from lockstep.adoption_staging as row
        where row.table_name = 'groups'
    ) as wanted
    where staged.table_name = 'groups'
        and staged.source_id = wanted.source_id;

    update lockstep.adoption_staging as staged
    set user_id = person.user_id,
        outcome = case
            when person.outcome = 'erased' then 'erased'
            when person.user_id is null or coalesce(team.outcome, 'quarantined') = 'quarantined' then 'quarantined'
            else 'imported'
        end,
        reasons = array_remove(array[
            case
                when person.outcome = 'quarantined' and person.user_id is null then 'user_in_quarantine'
                when person.user_id is null then 'no_user'
            end,
            case
                when team.outcome is null then 'no_group'
                when team.outcome = 'quarantined' then 'group_in_quarantine'
            end
        ], null)
    from lockstep.adoption_staging as member
    left outer join lockstep.adoption_staging as person
        on person.table_name = 'users'
        and person.source_id = member.content ->> 'user_id'
    left outer join lockstep.adoption_staging as team
        on team.table_name = 'groups'
        and team.source_id = member.content ->> 'group_id'
    where member.table_name = 'user_groups'
        and staged.table_name = member.table_name
        and staged.source_id = member.source_id;

    update lockstep.adoption_staging as staged
    set outcome = 'merged',
        reasons = array['duplicate']
    from (
        select
            member.source_id,
            row_number() over (
                partition by member.user_id, lower(btrim(team.content ->> 'name')) order by member.source_id
            ) as place
        from lockstep.adoption_staging as member
        inner join lockstep.adoption_staging as team
            on team.table_name = 'groups'
            and team.source_id = member.content ->> 'group_id'
        where member.table_name = 'user_groups'
            and member.outcome = 'imported'
    ) as ranked
    where ranked.place > 1
        and staged.table_name = 'user_groups'
        and staged.source_id = ranked.source_id;

    -- A project belongs to somebody; an asset may do without.
    update lockstep.adoption_staging as staged
    set user_id = owner.user_id,
        outcome = case
            when owner.outcome = 'erased' and work.table_name = 'projects' then 'erased'
            when work.file_fault is not null or taken.fault is not null or (owner.user_id is null and work.table_name = 'projects')
                then 'quarantined'
            when owner.user_id is null or title.fault is not null then 'repaired'
            else 'imported'
        end,
        reasons = array_remove(array[
            work.file_fault,
            taken.fault,
            case when owner.user_id is null then 'no_owner' end,
            title.fault
        ], null)
    from lockstep.adoption_staging as work
    left outer join lockstep.adoption_staging as owner
        on owner.table_name = 'users'
        and owner.source_id = coalesce(work.content ->> 'owner_id', work.content ->> 'user_id')
    cross join lateral (
        select case
            when work.table_name <> 'projects' then null
            when coalesce(btrim(work.content ->> 'title'), btrim(work.content ->> 'name'), '') = '' then 'no_title'
            when length(coalesce(work.content ->> 'title', work.content ->> 'name')) > 200 then 'title_too_long'
            when length(work.content ->> 'description') > 5000 then 'description_too_long'
        end as fault
    ) as title
    left outer join lateral (
        select 'id_taken_here' as fault
        from lockstep.assets as asset
        where work.table_name = 'assets'
            and asset.id = lower(split_part(work.source_id, '.', 1))
            and encode(asset.sha256, 'hex') <> work.file_sha256
    ) as taken on true
    where work.table_name in ('projects', 'assets')
        and staged.table_name = work.table_name
        and staged.source_id = work.source_id;
end;
$function$;

comment on function lockstep.plan_adopted_projects() is
'Says of each staged group, membership, project and asset what is to become of it; of files it was told before.';

revoke all on function lockstep.plan_adopted_projects() from public;
