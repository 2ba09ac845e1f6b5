create or replace function lockstep.plan_adopted_sides(
    p_timezone text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update lockstep.adoption_staging as staged
    set user_id = person.user_id,
        specialization_id = specialization.id,
        figures = read.figures,
        times = lockstep.adopted_times(
            side.content,
            array['last_activity', 'created_at', 'updated_at', 'started_at', 'last_advanced_at'],
            p_timezone
        ),
        level_found = read.figures[1],
        xp_found = read.figures[2],
        outcome = case
            when person.outcome = 'erased' then 'erased'
            when person.user_id is null or specialization.id is null then 'quarantined'
        end,
        reasons = array_remove(array[
            case
                when person.outcome = 'quarantined' and person.user_id is null then 'user_in_quarantine'
                when person.user_id is null then 'no_user'
            end,
            case when specialization.id is null then 'no_specialization' end
        ], null)
    from lockstep.adoption_staging as side
    left outer join lockstep.adoption_staging as person
        on person.table_name = 'users'
        and person.source_id = coalesce(side.content ->> 'student_id', side.content ->> 'user_id')
    left outer join lockstep.specializations as specialization
        on specialization.id = coalesce(side.content ->> 'specialization_id', side.content ->> 'specialization_type')
        and specialization.max_levels > 0
    cross join lateral (
        select lockstep.adopted_figures(
            side.content,
            array[
                'current_level', 'total_xp', 'completed_sessions', 'completed_projects', 'theory_hours_completed',
                'practice_hours_completed', 'max_achieved_level'
            ]
        ) as figures
        offset 0
    ) as read
    where side.table_name in ('specialization_progress', 'user_licenses')
        and staged.table_name = side.table_name
        and staged.source_id = side.source_id;

    -- Of several rows of one pair one survives: by level, then what was earned or achieved, then the newest (A3).
    update lockstep.adoption_staging as staged
    set outcome = 'merged',
        reasons = array['duplicate']
    from (
        select
            side.table_name,
            side.source_id,
            row_number() over (
                partition by side.table_name, side.user_id, side.specialization_id
                order by
                    side.level_found desc nulls last,
                    case side.table_name when 'user_licenses' then side.figures[7] else side.xp_found end desc nulls last,
                    coalesce(side.times[3], side.times[2]) desc nulls last,
                    length(side.source_id) desc,
                    side.source_id desc
            ) as place
        from lockstep.adoption_staging as side
        where side.table_name in ('specialization_progress', 'user_licenses')
            and side.outcome is null
    ) as ranked
    where ranked.place > 1
        and staged.table_name = ranked.table_name
        and staged.source_id = ranked.source_id;
end;
$function$;

comment on function lockstep.plan_adopted_sides(text) is
'Says of each staged progress row and license which pair it is a side of, and which of duplicates survives.';

revoke all on function lockstep.plan_adopted_sides(text) from public;
