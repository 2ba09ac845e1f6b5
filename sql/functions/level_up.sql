create or replace function lockstep.level_up(
    p_user_id bigint,
    p_specialization_id text,
    p_xp_gained bigint default 0,
    p_sessions_completed integer default 0,
    p_projects_completed integer default 0,
    p_theory_hours numeric default 0,
    p_practice_hours numeric default 0,
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
    v_progress record;
    v_license record;
    v_stored jsonb;
    v_answer lockstep.level_change;
begin
    if not (row(
        p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed,
        p_projects_completed, p_theory_hours, p_practice_hours
    ) is not null)
        or least(p_xp_gained, p_sessions_completed, p_projects_completed, p_theory_hours, p_practice_hours) < 0
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user and specialization may not be null; gains may be neither null nor negative',
            hint = 'level_up() only adds; update_level() takes away.';
    end if;

    if p_idempotency_key is not null then
        v_stored := lockstep.claim_idempotency_key(
            p_user_id, p_idempotency_key, 'level_up',
            jsonb_build_array(
                p_specialization_id, null, p_xp_gained, p_sessions_completed, p_projects_completed,
                p_theory_hours, p_practice_hours, p_advanced_by, p_reason
            )
        );

        if v_stored is not null then
            v_answer := jsonb_populate_record(null::lockstep.level_change, v_stored);
            v_answer.replayed := true;
            return v_answer;
        end if;

        v_answer := lockstep.level_up(
            p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed, p_projects_completed,
            p_theory_hours, p_practice_hours, p_advanced_by, p_reason
        );
        perform lockstep.store_answer(p_user_id, p_idempotency_key, to_jsonb(v_answer));
        return v_answer;
    end if;

    if p_theory_hours = 0 and p_practice_hours = 0 then
        if p_advanced_by is not null then
            perform lockstep.check_user(p_advanced_by);
        end if;

        -- The ordinary award: the write itself locks, and is computed anew if it had to wait.
        -- Lock order, everywhere: specialization_progress, then user_licenses, which is only read
        -- where the pair is in step and no level is reached.
        update lockstep.specialization_progress as progress
        set total_xp = progress.total_xp + p_xp_gained,
            completed_sessions = progress.completed_sessions + p_sessions_completed,
            completed_projects = progress.completed_projects + p_projects_completed,
            last_activity = clock_timestamp(),
            updated_at = clock_timestamp()
        where progress.student_id = p_user_id
            and progress.specialization_id = p_specialization_id
        returning
            progress.current_level, progress.total_xp, progress.completed_sessions, progress.completed_projects,
            progress.theory_hours_completed, progress.practice_hours_completed
        into v_progress;

        if found then
            select
                license.current_level,
                license.max_achieved_level,
                license.current_level = v_progress.current_level as in_step,
                license.current_level = v_progress.current_level and next.level is not null as is_reached
            into v_license
            from lockstep.user_licenses as license
            left join lockstep.specialization_levels as next
                on next.specialization_id = license.specialization_type
                and next.level = license.current_level + 1
                and next.required_xp <= v_progress.total_xp
                and next.required_sessions <= v_progress.completed_sessions
                and coalesce(next.theory_hours <= v_progress.theory_hours_completed, true)
                and coalesce(next.practice_hours <= v_progress.practice_hours_completed, true)
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id;

            if v_license.is_reached then
                -- What was earned is written: now the level that it reaches.
                v_answer := lockstep.change_pair(
                    p_user_id, p_specialization_id, null, 0, 0, 0, 0, 0, p_advanced_by, p_reason
                );
                v_answer.xp_change := p_xp_gained;
                v_answer.sessions_change := p_sessions_completed;
                return v_answer;
            end if;

            if v_license.in_step is not true then
                -- It may be under repair: a transaction that cannot see that has to try again (40001).
                perform
                from lockstep.user_licenses as license
                where license.user_id = p_user_id
                    and license.specialization_type = p_specialization_id
                for no key update;
            end if;

            return row(
                p_user_id, p_specialization_id, v_progress.current_level, v_progress.current_level,
                v_license.current_level, v_license.current_level, v_license.max_achieved_level,
                v_progress.total_xp, v_progress.completed_sessions, v_progress.completed_projects,
                v_progress.theory_hours_completed, v_progress.practice_hours_completed,
                p_xp_gained, p_sessions_completed, false, v_license.in_step is not true, false,
                case when v_license.in_step then format('Level stays at %s', v_progress.current_level)
                else 'The pair is out of step: totals added, no level changed' end
            )::lockstep.level_change;
        end if;
    end if;

    return lockstep.change_pair(
        p_user_id, p_specialization_id, null, p_xp_gained, p_sessions_completed, p_projects_completed,
        p_theory_hours, p_practice_hours, p_advanced_by, p_reason
    );
end;
$function$;

comment on function lockstep.level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) is
$comment$Adds what was earned to the totals of a pair and raises its level as far as they reach.

Level n+1 is reached when XP, sessions and (where its row asks for them) hours, all totals since the start,
reach what it requires; one level at a time, up to the first that is not met. Never lowers. Makes a missing
pair. A pair out of step keeps its levels: desync is true in what comes back.
Raises LS001 no such user or actor, LS002 no such specialization, LS005 hours where none are counted, LS006 invalid
argument, LS007 key used otherwise; 40001, 40P01: retry.
Locks the key, then specialization_progress, then user_licenses if a level is reached or the pair is out of step.$comment$;

revoke all on function lockstep.level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) from public;
grant execute on function lockstep.level_up(
    bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text
) to lockstep_app, lockstep_admin;
