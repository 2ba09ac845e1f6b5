create or replace function lockstep.write_adopted_pairs(
    p_first_user bigint,
    p_last_user bigint
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_wrong text;
begin
    -- One statement, so that constraints set immediate see both sides or none.
    with pair as materialized (
        select planned.*
        from lockstep.adoption_pairs as planned
        where not planned.done
            and planned.user_id between p_first_user and p_last_user
            and planned.state in ('new', 'changed')
    ),

    made_progress as (
        insert into lockstep.specialization_progress (
            student_id, specialization_id, current_level, total_xp, completed_sessions, completed_projects,
            theory_hours_completed, practice_hours_completed, last_activity, created_at, updated_at
        )
        select
            pair.user_id, pair.specialization_id, pair.current_level, pair.total_xp, pair.completed_sessions,
            pair.completed_projects, pair.theory_hours_completed, pair.practice_hours_completed, pair.last_activity,
            coalesce(pair.progress_created_at, pair.license_created_at, now()), coalesce(pair.progress_updated_at, now())
        from pair
        where pair.state = 'new'
        order by pair.user_id, pair.specialization_id
    ),

    made_license as (
        insert into lockstep.user_licenses (
            user_id, specialization_type, current_level, max_achieved_level, started_at, last_advanced_at, is_active,
            instructor_notes, created_at, updated_at
        )
        select
            pair.user_id, pair.specialization_id, pair.current_level, pair.max_achieved_level,
            coalesce(pair.started_at, pair.progress_created_at, now()), pair.last_advanced_at, pair.is_active,
            pair.instructor_notes, coalesce(pair.license_created_at, pair.progress_created_at, now()),
            coalesce(pair.license_updated_at, now())
        from pair
        where pair.state = 'new'
        order by pair.user_id, pair.specialization_id
    ),

    progress as (
        update lockstep.specialization_progress as known
        set current_level = pair.current_level,
            total_xp = pair.total_xp,
            completed_sessions = pair.completed_sessions,
            completed_projects = pair.completed_projects,
            theory_hours_completed = pair.theory_hours_completed,
            practice_hours_completed = pair.practice_hours_completed,
            last_activity = pair.last_activity,
            updated_at = clock_timestamp()
        from pair
        where pair.state = 'changed'
            and known.student_id = pair.user_id
            and known.specialization_id = pair.specialization_id
    )

    update lockstep.user_licenses as known
    set current_level = pair.current_level,
        max_achieved_level = greatest(known.max_achieved_level, pair.max_achieved_level),
        last_advanced_at = coalesce(pair.last_advanced_at, known.last_advanced_at),
        is_active = pair.is_active,
        instructor_notes = pair.instructor_notes,
        updated_at = clock_timestamp()
    from pair
    where pair.state = 'changed'
        and known.user_id = pair.user_id
        and known.specialization_type = pair.specialization_id;

    select format('user_id=%s specialization_id=%s', pair.user_id, pair.specialization_id)
    into v_wrong
    from lockstep.adoption_pairs as pair
    left outer join lockstep.adopted_pairs_here as here
        on here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
    where not pair.done
        and pair.user_id between p_first_user and p_last_user
        and pair.state in ('new', 'changed')
        and (here.current_level, here.total_xp) is distinct from (pair.current_level, pair.total_xp)
    limit 1;

    if found then
        raise exception using
            errcode = 'LS095',
            message = 'a pair does not stand as it was planned',
            detail = v_wrong,
            hint = 'Look for a trigger that changes or suppresses what is written.';
    end if;
end;
$function$;

comment on function lockstep.write_adopted_pairs(bigint, bigint) is
$comment$Writes planned pairs, both sides in one statement.

Raises LS095 when one does not stand as it was planned. The caller holds the locks.$comment$;

revoke all on function lockstep.write_adopted_pairs(bigint, bigint) from public;
