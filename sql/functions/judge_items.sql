create or replace function lockstep.judge_items(
    p_function_name text,
    p_items lockstep.batch_item[]
)
returns setof lockstep.judged_item
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with given as (
        select
            item.place::integer as place,
            item.user_id,
            item.specialization_id,
            item.new_level,
            coalesce(item.xp_change, 0) as xp_change,
            coalesce(item.sessions_change, 0) as sessions_change,
            coalesce(item.projects_change, 0) as projects_change,
            coalesce(item.theory_hours_change, 0) as theory,
            coalesce(item.practice_hours_change, 0) as practice,
            item.advanced_by,
            item.reason,
            item.idempotency_key
        from unnest(p_items) with ordinality as item (
            user_id, specialization_id, new_level, xp_change, sessions_change, projects_change,
            theory_hours_change, practice_hours_change, advanced_by, reason, idempotency_key, place
        )
    ),

    specialization as (
        select
            level.specialization_id,
            max(level.level) as top_level,
            bool_or(level.theory_hours is not null) as counts_hours
        from lockstep.specialization_levels as level
        group by level.specialization_id
    ),

    checked as (
        select
            given.*,
            specialization.top_level,
            -- Whatever the pair is like, the function would refuse it: it changes nothing for the others.
            (
                person.id is not null
                and specialization.specialization_id is not null
                and (given.advanced_by is null or actor.id is not null)
                and (given.idempotency_key is null or length(given.idempotency_key) between 1 and 255)
                and (specialization.counts_hours or (given.theory = 0 and given.practice = 0))
                and case p_function_name
                    when 'level_up' then given.new_level is null and least(
                        given.xp_change, given.sessions_change, given.projects_change, given.theory, given.practice
                    ) >= 0
                    else held.level is not null
                end
            ) is not true as is_refused,
            case
                when given.idempotency_key is not null then jsonb_build_array(
                    given.specialization_id, given.new_level, given.xp_change, given.sessions_change,
                    given.projects_change, given.theory, given.practice, given.advanced_by, given.reason
                )
            end as arguments
        from given
        left outer join lockstep.users as person
            on person.id = given.user_id
        left outer join lockstep.users as actor
            on actor.id = given.advanced_by
        left outer join specialization
            on specialization.specialization_id = given.specialization_id
        left outer join lockstep.specialization_levels as held
            on held.specialization_id = given.specialization_id
            and held.level = given.new_level
    ),

    keyed as (
        select
            checked.user_id,
            checked.idempotency_key,
            min(checked.place) filter (where not checked.is_refused) as first_place,
            bool_or(checked.is_refused) as has_refused
        from checked
        where checked.idempotency_key is not null
        group by checked.user_id, checked.idempotency_key
    )

    select
        checked.place,
        checked.user_id,
        checked.specialization_id,
        case
            when checked.is_refused then 'single'
            when checked.idempotency_key is null then 'folded'
            when known.answer is not null and known.function_name = p_function_name
                and known.arguments = checked.arguments then 'replay'
            when known.answer is not null then 'single'
            -- The second one with a key of this batch is answered, or refused, once the first is stored.
            when keyed.first_place = checked.place then 'folded'
            else 'single'
        end,
        not checked.is_refused
        and (
            (checked.idempotency_key is not null and (keyed.has_refused or known.key is null))
            -- One side missing, or two levels; a license without progress counts as well.
            or progress.current_level is distinct from license.current_level
            -- Rounded at each step where it stands alone.
            or (checked.theory = round(checked.theory, 2) and checked.practice = round(checked.practice, 2)) is not true
        ),
        row(
            checked.user_id, checked.specialization_id, checked.new_level, checked.xp_change, checked.sessions_change,
            checked.projects_change, checked.theory, checked.practice, checked.advanced_by, checked.reason,
            checked.idempotency_key
        )::lockstep.batch_item,
        checked.arguments,
        known.answer,
        license.id,
        progress.current_level,
        license.max_achieved_level,
        checked.top_level,
        progress.total_xp,
        progress.completed_sessions,
        progress.completed_projects,
        progress.theory_hours_completed,
        progress.practice_hours_completed
    from checked
    left outer join keyed
        on keyed.user_id = checked.user_id
        and keyed.idempotency_key = checked.idempotency_key
    left outer join lockstep.idempotency_keys as known
        on known.user_id = checked.user_id
        and known.key = checked.idempotency_key
    left outer join lockstep.specialization_progress as progress
        on progress.student_id = checked.user_id
        and progress.specialization_id = checked.specialization_id
    left outer join lockstep.user_licenses as license
        on license.user_id = checked.user_id
        and license.specialization_type = checked.specialization_id;
end;
$function$;

comment on function lockstep.judge_items(text, lockstep.batch_item[]) is
$comment$Looks at each item of a batch beside the pair that it is for; the caller holds keys and pairs.

Tells apart what can be folded into one change of its pair, what an earlier call or an earlier item answers,
and what has to be done by itself, because it is refused or because its pair is not as usual.$comment$;

revoke all on function lockstep.judge_items(text, lockstep.batch_item[]) from public;
