create or replace function lockstep.plan_adopted_pairs(
    p_direction text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- A level that does not exist becomes the nearest one that does, a figure below 0 or missing becomes 0.
    with pair as (
        select
            coalesce(progress.user_id, license.user_id) as user_id,
            coalesce(progress.specialization_id, license.specialization_id) as specialization_id,
            progress.figures as p,
            license.figures as l,
            progress.times as p_times,
            license.times as l_times,
            license.content,
            case when progress.source_id is not null then nearest.progress_level end as progress_level,
            case when license.source_id is not null then nearest.license_level end as license_level,
            specialization.max_levels
        from (
            select * from lockstep.adoption_staging as side
            where side.table_name = 'specialization_progress' and side.outcome is null
        ) as progress
        full outer join (
            select * from lockstep.adoption_staging as side
            where side.table_name = 'user_licenses' and side.outcome is null
        ) as license
            on license.user_id = progress.user_id
            and license.specialization_id = progress.specialization_id
        inner join lockstep.specializations as specialization
            on specialization.id = coalesce(progress.specialization_id, license.specialization_id)
        cross join lateral (
            select
                least(greatest(coalesce(trunc(progress.level_found), 1), 1), specialization.max_levels)::integer,
                least(greatest(coalesce(trunc(license.level_found), 1), 1), specialization.max_levels)::integer
        ) as nearest (progress_level, license_level)
    ),

    figure as (
        select
            pair.*,
            case
                when pair.license_level is null or p_direction = 'progress_to_license'
                    then coalesce(pair.progress_level, pair.license_level)
                when pair.progress_level is null or p_direction = 'license_to_progress' then pair.license_level
                else greatest(pair.progress_level, pair.license_level)
            end as level,
            array(
                select least(greatest(coalesce(pair.p[most.place + 1], 0), 0), most.value)
                from unnest(
                    array[9e18, 2147483647, 2147483647, 999999.99, 999999.99]
                ) with ordinality as most (value, place)
                order by most.place
            ) as earned
        from pair
    )

    insert into lockstep.adoption_pairs
    select
        figure.user_id,
        figure.specialization_id,
        'new',
        figure.level,
        trunc(figure.earned[1])::bigint,
        trunc(figure.earned[2])::integer,
        trunc(figure.earned[3])::integer,
        figure.earned[4],
        figure.earned[5],
        figure.p_times[1],
        figure.p_times[2],
        figure.p_times[3],
        least(
            greatest(trunc(figure.l[7]), figure.license_level, figure.level),
            figure.max_levels
        )::integer,
        coalesce(figure.l_times[4], figure.l_times[2]),
        figure.l_times[5],
        coalesce(figure.content ->> 'is_active', 'true') not in ('false', '0'),
        figure.content ->> 'instructor_notes',
        figure.l_times[2],
        figure.l_times[3]
    from figure;

    -- Each repair is named on the row that it is done to.
    update lockstep.adoption_staging as staged
    set level_kept = pair.current_level,
        xp_kept = case staged.table_name when 'specialization_progress' then pair.total_xp end,
        reasons = array_remove(array[
            case when found.wrong then 'impossible_level' end,
            case when other.source_id is not null and found.nearest <> pair.current_level then 'desync' end,
            case when other.source_id is null then 'missing_side' end,
            case
                when staged.table_name = 'user_licenses'
                    and side.figures[7] is distinct from greatest(side.figures[7], found.nearest)
                    then 'max_achieved_below'
                when staged.table_name = 'user_licenses'
                    and side.figures[7] > specialization.max_levels
                    then 'max_achieved_above'
            end,
            case when staged.table_name = 'specialization_progress' and found.below then 'negative_figure' end,
            case when staged.table_name = 'specialization_progress' and found.missing then 'missing_figure' end,
            case
                when staged.table_name = 'specialization_progress'
                    and side.figures[2:6] is distinct from array[
                        pair.total_xp, pair.completed_sessions, pair.completed_projects, pair.theory_hours_completed,
                        pair.practice_hours_completed
                    ]
                    and not found.below
                    and not found.missing
                    then 'figure_cut'
            end
        ], null)
    from lockstep.adoption_staging as side
    inner join lockstep.adoption_pairs as pair
        on pair.user_id = side.user_id
        and pair.specialization_id = side.specialization_id
    inner join lockstep.specializations as specialization on specialization.id = pair.specialization_id
    left outer join lockstep.adoption_staging as other
        on other.user_id = side.user_id
        and other.specialization_id = side.specialization_id
        and other.table_name in ('specialization_progress', 'user_licenses')
        and other.table_name <> side.table_name
        and other.outcome is null
    cross join lateral (
        select
            coalesce(side.level_found not between 1 and specialization.max_levels, true) as wrong,
            least(greatest(coalesce(trunc(side.level_found), 1), 1), specialization.max_levels) as nearest,
            bool_or(figure.value < 0) as below,
            bool_or(figure.value is null) as missing
        from unnest(side.figures[2:6]) as figure (value)
    ) as found
    where side.table_name in ('specialization_progress', 'user_licenses')
        and side.outcome is null
        and staged.table_name = side.table_name
        and staged.source_id = side.source_id;

    update lockstep.adoption_staging as staged
    set outcome = case cardinality(staged.reasons) when 0 then 'imported' else 'repaired' end
    where staged.table_name in ('specialization_progress', 'user_licenses')
        and staged.outcome is null;
end;
$function$;

comment on function lockstep.plan_adopted_pairs(text) is
$comment$Puts the two sides of each staged pair together as they are to stand here, and names each repair on the row that it
is done to. The same rules as the migrations have for rows that they find.$comment$;

revoke all on function lockstep.plan_adopted_pairs(text) from public;
