create or replace function lockstep.plan_adopted_history()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- History of a license that was merged into another follows it there.
    update lockstep.adoption_staging as staged
    set user_id = license.user_id,
        specialization_id = license.specialization_id,
        actor_id = actor.user_id,
        level_found = level.reached,
        level_kept = case when level.exists and license.outcome not in ('quarantined', 'erased') then level.reached end,
        outcome = case
            when license.outcome = 'erased' then 'erased'
            when license.outcome is null or license.outcome = 'quarantined' or not level.exists then 'quarantined'
            when staged.content ->> 'advanced_by' is not null and actor.user_id is null then 'repaired'
            else 'imported'
        end,
        reasons = array_remove(array[
            case
                when license.outcome is null then 'no_license'
                when license.outcome = 'quarantined' then 'license_in_quarantine'
                when license.outcome <> 'erased' and not level.exists then 'impossible_level'
            end,
            case when staged.content ->> 'advanced_by' is not null and actor.user_id is null then 'no_actor' end
        ], null)
    from lockstep.adoption_staging as progression
    left outer join lockstep.adoption_staging as license
        on license.table_name = 'user_licenses'
        and license.source_id = progression.content ->> 'user_license_id'
    left outer join lockstep.adoption_staging as actor
        on actor.table_name = 'users'
        and actor.source_id = progression.content ->> 'advanced_by'
    left outer join lockstep.specializations as specialization on specialization.id = license.specialization_id
    cross join lateral (
        select
            read.levels[2] as reached,
            coalesce(
                read.levels[2] between 1 and specialization.max_levels
                and (
                    progression.content ->> 'from_level' is null
                    or read.levels[1] between 1 and specialization.max_levels
                ),
                false
            ) as exists
        from (
            select lockstep.adopted_figures(progression.content, array['from_level', 'to_level']) as levels
            offset 0
        ) as read
    ) as level
    where progression.table_name = 'license_progressions'
        and staged.table_name = progression.table_name
        and staged.source_id = progression.source_id;
end;
$function$;

comment on function lockstep.plan_adopted_history() is
'Says of each staged history row whose it is, and whether it can come over: its license does, and its levels exist.';

revoke all on function lockstep.plan_adopted_history() from public;
