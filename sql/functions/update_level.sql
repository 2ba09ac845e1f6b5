create or replace function lockstep.update_level(
    p_user_id bigint,
    p_specialization_id text,
    p_new_level integer,
    p_xp_change bigint default 0,
    p_sessions_change integer default 0,
    p_projects_change integer default 0,
    p_theory_hours_change numeric default 0,
    p_practice_hours_change numeric default 0,
    p_advanced_by bigint default null,
    p_reason text default null,
    p_idempotency_key text default null
)
returns lockstep.level_change
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_now timestamptz;
    v_pair record;
    v_stored jsonb;
    v_answer lockstep.level_change;
begin
    if not (row(
        p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change,
        p_projects_change, p_theory_hours_change, p_practice_hours_change
    ) is not null) then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user, specialization, new level and the changes may not be null',
            hint = 'Leave a change out, or give 0, for none.';
    end if;

    if p_idempotency_key is not null then
        v_stored := lockstep.claim_idempotency_key(
            p_user_id, p_idempotency_key, 'update_level',
            jsonb_build_array(
                p_specialization_id, p_new_level, p_xp_change, p_sessions_change, p_projects_change,
                p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason
            )
        );

        if v_stored is not null then
            v_answer := jsonb_populate_record(null::lockstep.level_change, v_stored);
            v_answer.replayed := true;
            return v_answer;
        end if;

        v_answer := lockstep.update_level(
            p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change, p_projects_change,
            p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason
        );
        perform lockstep.store_answer(p_user_id, p_idempotency_key, to_jsonb(v_answer));
        return v_answer;
    end if;

    -- The ordinary change: a pair in step, another level that exists, no total below 0.
    -- Lock order, everywhere: specialization_progress, then user_licenses.
    select
        progress.current_level as old_level,
        progress.total_xp + p_xp_change as total_xp,
        progress.completed_sessions + p_sessions_change as sessions,
        progress.completed_projects + p_projects_change as projects,
        (progress.theory_hours_completed + p_theory_hours_change)::numeric(8, 2) as theory_hours,
        (progress.practice_hours_completed + p_practice_hours_change)::numeric(8, 2) as practice_hours,
        license.id as license_id,
        greatest(license.max_achieved_level, p_new_level) as max_achieved_level
    into v_pair
    from lockstep.specialization_progress as progress
    inner join lockstep.user_licenses as license
        on license.user_id = progress.student_id
        and license.specialization_type = progress.specialization_id
        and license.current_level = progress.current_level
    where progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id
        and progress.current_level <> p_new_level
        and exists (
            select from lockstep.specialization_levels as level
            where level.specialization_id = p_specialization_id
                and level.level = p_new_level
                and (level.theory_hours is not null or (p_theory_hours_change = 0 and p_practice_hours_change = 0))
        )
    for no key update of progress
    for no key update of license;

    if found and least(
        v_pair.total_xp, v_pair.sessions, v_pair.projects, v_pair.theory_hours, v_pair.practice_hours
    ) >= 0 then
        if p_advanced_by is not null then
            perform lockstep.check_user(p_advanced_by);
        end if;

        -- After the locks, so that the times of a pair's changes follow one another.
        v_now := clock_timestamp();

        -- One statement, so that constraints set immediate see both sides or none.
        with progress as (
            update lockstep.specialization_progress as progress
            set current_level = p_new_level,
                total_xp = v_pair.total_xp,
                completed_sessions = v_pair.sessions,
                completed_projects = v_pair.projects,
                theory_hours_completed = v_pair.theory_hours,
                practice_hours_completed = v_pair.practice_hours,
                last_activity = v_now,
                updated_at = v_now
            where progress.student_id = p_user_id
                and progress.specialization_id = p_specialization_id
        ),

        license as (
            update lockstep.user_licenses as license
            set current_level = p_new_level,
                max_achieved_level = v_pair.max_achieved_level,
                last_advanced_at = v_now,
                updated_at = v_now
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id
        )

        insert into lockstep.license_progressions (
            user_id, user_license_id, from_level, to_level, advanced_by, advancement_reason, advanced_at, route
        )
        values (
            p_user_id, v_pair.license_id, v_pair.old_level, p_new_level, p_advanced_by, p_reason, v_now,
            'function'
        );

        return row(
            p_user_id, p_specialization_id, v_pair.old_level, p_new_level, v_pair.old_level, p_new_level,
            v_pair.max_achieved_level, v_pair.total_xp, v_pair.sessions, v_pair.projects,
            v_pair.theory_hours, v_pair.practice_hours, p_xp_change, p_sessions_change, true, false, false,
            format('Level changed from %s to %s', v_pair.old_level, p_new_level)
        )::lockstep.level_change;
    end if;

    return lockstep.change_pair(
        p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change, p_projects_change,
        p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason
    );
end;
$function$;

comment on function lockstep.update_level(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text
) is
$comment$Sets the level of a pair, up or down, and adds to its totals: all of it or nothing.

Makes a missing pair. On a pair out of step it sets both sides and returns both old levels. XP in points,
hours with two decimals. The same idempotency key and arguments return the first answer.
Raises LS001 no such user or actor, LS002 no such specialization, LS003 no such level, LS004 a total would fall below
0, LS005 hours where none are counted, LS006 invalid argument, LS007 key used otherwise; 40001, 40P01: retry.
Locks the key, then specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.update_level(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text
) from public;
grant execute on function lockstep.update_level(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text
) to lockstep_app, lockstep_admin;
