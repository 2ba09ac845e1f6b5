create or replace function lockstep.plan_changes(
    p_function_name text,
    p_items lockstep.batch_item[]
)
returns setof lockstep.planned_change
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with summed as (
        select
            judged.*,
            coalesce(judged.total_xp, 0) + sum((judged.item).xp_change) over pair as xp_after,
            coalesce(judged.completed_sessions, 0) + sum((judged.item).sessions_change) over pair as sessions_after,
            coalesce(judged.completed_projects, 0) + sum((judged.item).projects_change) over pair as projects_after,
            coalesce(judged.theory_hours, 0) + sum((judged.item).theory_hours_change) over pair as theory_after,
            coalesce(judged.practice_hours, 0) + sum((judged.item).practice_hours_change) over pair as practice_after
        from lockstep.judge_items(p_function_name, p_items) as judged
        window pair as (
            partition by judged.user_id, judged.specialization_id, judged.kind
            order by judged.place
        )
    ),

    leveled as (
        select
            summed.*,
            case p_function_name
                when 'level_up' then coalesce(unmet.level - 1, summed.top_level)
                else (summed.item).new_level
            end as level_after,
            bool_or(
                summed.kind = 'folded'
                and (
                    summed.is_odd
                    or summed.xp_after not between 0 and 9223372036854775807
                    or summed.sessions_after not between 0 and 2147483647
                    or summed.projects_after not between 0 and 2147483647
                    or summed.theory_after not between 0 and 999999.99
                    or summed.practice_after not between 0 and 999999.99
                )
            ) over (partition by summed.user_id) as is_single
        from summed
        left outer join lateral (
            -- As in reached_level(): the totals of a pair only grow, so the walk may start where the pair was.
            select level.level
            from lockstep.specialization_levels as level
            where level.specialization_id = summed.specialization_id
                and level.level > coalesce(summed.level, 1)
                and (
                    level.required_xp > summed.xp_after
                    or level.required_sessions > summed.sessions_after
                    or level.theory_hours > summed.theory_after
                    or level.practice_hours > summed.practice_after
                )
            order by level.level
            limit 1
        ) as unmet on p_function_name = 'level_up' and summed.kind = 'folded'
    ),

    stepped as (
        select
            leveled.*,
            lead(leveled.place) over pair is null as is_last,
            coalesce(lag(leveled.level_after) over pair, leveled.level) as level_before,
            greatest(coalesce(leveled.max_achieved_level, 1), max(leveled.level_after) over pair) as highest,
            min(leveled.level_after) over whole_pair <> coalesce(leveled.level, 1)
            or max(leveled.level_after) over whole_pair <> coalesce(leveled.level, 1) as pair_changes
        from leveled
        window
            whole_pair as (partition by leveled.user_id, leveled.specialization_id, leveled.kind),
            pair as (
                partition by leveled.user_id, leveled.specialization_id, leveled.kind
                order by leveled.place
            )
    )

    select
        stepped.place,
        case when stepped.is_single and stepped.kind <> 'replay' then 'single' else stepped.kind end,
        stepped.is_last,
        stepped.pair_changes,
        stepped.license_id,
        stepped.item,
        stepped.arguments,
        case
            when stepped.kind = 'replay' then jsonb_populate_record(
                null::lockstep.level_change, stepped.stored_answer || '{"replayed": true}'
            )
            when stepped.kind = 'folded' and not stepped.is_single then row(
                stepped.user_id,
                stepped.specialization_id,
                stepped.level_before,
                stepped.level_after,
                stepped.level_before,
                stepped.level_after,
                stepped.highest,
                stepped.xp_after,
                stepped.sessions_after,
                stepped.projects_after,
                stepped.theory_after,
                stepped.practice_after,
                (stepped.item).xp_change,
                (stepped.item).sessions_change,
                stepped.level_after <> coalesce(stepped.level_before, 1),
                false,
                false,
                case
                    when stepped.level_after <> coalesce(stepped.level_before, 1) then format(
                        'Level changed from %s to %s',
                        coalesce(stepped.level_before::text, 'none'), stepped.level_after
                    )
                    else format('Level stays at %s', stepped.level_after)
                end
            )::lockstep.level_change
        end,
        null::text,
        null::text
    from stepped
    order by stepped.place;
end;
$function$;

comment on function lockstep.plan_changes(text, lockstep.batch_item[]) is
$comment$What each item of a batch does to its pair, as if they came one after the other, and the answer to it.

Reads what the caller has locked; writes nothing. Items of a user with something unusual are all single.$comment$;

revoke all on function lockstep.plan_changes(text, lockstep.batch_item[]) from public;
