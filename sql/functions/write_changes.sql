create or replace function lockstep.write_changes(
    p_function_name text,
    p_plan lockstep.planned_change[],
    p_origins lockstep.change_origin[]
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_now constant timestamptz := clock_timestamp();
    v_missing bigint;
begin
    -- One statement, so that constraints set immediate see both sides or none.
    with pair as materialized (
        select
            (plan.item).user_id,
            (plan.item).specialization_id,
            plan.license_id,
            plan.pair_changes,
            (plan.answer).progress_new_level as new_level,
            (plan.answer).max_achieved_level,
            (plan.answer).total_xp,
            (plan.answer).completed_sessions,
            (plan.answer).completed_projects,
            (plan.answer).theory_hours,
            (plan.answer).practice_hours
        from unnest(p_plan) as plan
        where plan.kind = 'folded'
            and plan.is_last
    ),

    made_progress as (
        insert into lockstep.specialization_progress (
            student_id, specialization_id, current_level, total_xp, completed_sessions, completed_projects,
            theory_hours_completed, practice_hours_completed, last_activity, updated_at
        )
        select
            pair.user_id, pair.specialization_id, pair.new_level, pair.total_xp, pair.completed_sessions,
            pair.completed_projects, pair.theory_hours, pair.practice_hours, v_now, v_now
        from pair
        where pair.license_id is null
        order by pair.user_id, pair.specialization_id
        on conflict do nothing
        returning id
    ),

    progress as (
        update lockstep.specialization_progress as progress
        set current_level = pair.new_level,
            total_xp = pair.total_xp,
            completed_sessions = pair.completed_sessions,
            completed_projects = pair.completed_projects,
            theory_hours_completed = pair.theory_hours,
            practice_hours_completed = pair.practice_hours,
            last_activity = v_now,
            updated_at = v_now
        from pair
        where pair.license_id is not null
            and progress.student_id = pair.user_id
            and progress.specialization_id = pair.specialization_id
    ),

    made_license as (
        insert into lockstep.user_licenses (
            user_id, specialization_type, current_level, max_achieved_level, last_advanced_at, updated_at
        )
        select
            pair.user_id,
            pair.specialization_id,
            pair.new_level,
            pair.max_achieved_level,
            case when pair.pair_changes then v_now end,
            case when pair.pair_changes then v_now else now() end
        from pair
        where pair.license_id is null
        order by pair.user_id, pair.specialization_id
        on conflict do nothing
        returning id, user_id, specialization_type
    ),

    license as (
        update lockstep.user_licenses as license
        set current_level = pair.new_level,
            max_achieved_level = pair.max_achieved_level,
            last_advanced_at = v_now,
            updated_at = v_now
        from pair
        where pair.license_id is not null
            and pair.pair_changes
            and license.user_id = pair.user_id
            and license.specialization_type = pair.specialization_id
    ),

    history as (
        insert into lockstep.license_progressions (
            user_id, user_license_id, from_level, to_level, advanced_by, advancement_reason, requirements_met,
            advanced_at, route, database_role, application_name, client_address
        )
        select
            (plan.item).user_id,
            coalesce(plan.license_id, made_license.id),
            (plan.answer).license_old_level,
            (plan.answer).license_new_level,
            (plan.item).advanced_by,
            (plan.item).reason,
            case p_function_name when 'level_up' then lockstep.requirements_met(plan.answer) end,
            v_now,
            'function',
            case
                when origin.database_role is null then coalesce(nullif(current_setting('role'), 'none'), session_user)
                else origin.database_role
            end,
            case
                when origin.database_role is null then current_setting('application_name')
                else origin.application_name
            end,
            case when origin.database_role is null then inet_client_addr() else origin.client_address end
        from unnest(p_plan) as plan
        left outer join made_license
            on plan.license_id is null
            and made_license.user_id = (plan.item).user_id
            and made_license.specialization_type = (plan.item).specialization_id
        left outer join unnest(p_origins) with ordinality as origin (
            database_role, application_name, client_address, place
        ) on origin.place = plan.place
        where plan.kind = 'folded'
            and (plan.answer).progression_created
        order by plan.place
    )

    select count(*) filter (where pair.license_id is null) * 2
        - (select count(*) from made_progress) - (select count(*) from made_license)
    into v_missing
    from pair;

    if v_missing > 0 then
        raise exception using
            errcode = 'serialization_failure',
            message = 'a pair was made by somebody else meanwhile',
            detail = format('%s sides were there already', v_missing),
            hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
    end if;

    if not exists (
        select from unnest(p_plan) as plan
        where (plan.item).idempotency_key is not null
    ) then
        return;
    end if;

    update lockstep.idempotency_keys as claimed
    set function_name = p_function_name,
        arguments = plan.arguments,
        answer = to_jsonb(plan.answer)
    from unnest(p_plan) as plan
    where plan.kind = 'folded'
        and (plan.item).idempotency_key is not null
        and claimed.user_id = (plan.item).user_id
        and claimed.key = (plan.item).idempotency_key;
end;
$function$;

comment on function lockstep.write_changes(text, lockstep.planned_change[], lockstep.change_origin[]) is
$comment$Writes what a plan folds: each pair once, its history row by row, the answers under their keys.

The history names who asked: the caller, or the origin at the item's place.
Raises 40001 (retry) when a pair that was to be made is there already.
Locks nothing that the caller does not hold, but what it makes: specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.write_changes(text, lockstep.planned_change[], lockstep.change_origin[]) from public;
