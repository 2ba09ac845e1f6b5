create or replace function lockstep.validate_consistency(
    p_user_id bigint,
    p_specialization_id text
)
returns lockstep.consistency
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_answer lockstep.consistency;
begin
    perform lockstep.check_user(p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    -- One statement, one snapshot: two reads could straddle a commit.
    select
        (
            select progress.current_level
            from lockstep.specialization_progress as progress
            where progress.student_id = p_user_id
                and progress.specialization_id = p_specialization_id
        ),
        (
            select license.current_level
            from lockstep.user_licenses as license
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id
        )
    into v_answer.progress_level, v_answer.license_level;

    v_answer.progress_exists := v_answer.progress_level is not null;
    v_answer.license_exists := v_answer.license_level is not null;
    v_answer.consistent := v_answer.progress_level is not distinct from v_answer.license_level;
    v_answer.level := case when v_answer.consistent then v_answer.progress_level end;
    v_answer.difference := v_answer.progress_level - v_answer.license_level;
    v_answer.recommended_action := lockstep.recommended_action(
        v_answer.progress_level, v_answer.license_level
    );
    v_answer.message := case
        when not v_answer.progress_exists and not v_answer.license_exists then 'No progress and no license'
        when v_answer.consistent then format('In step at level %s', v_answer.level)
        else format(
            'Desync detected: Progress=%s, License=%s',
            coalesce(v_answer.progress_level::text, 'missing'),
            coalesce(v_answer.license_level::text, 'missing')
        )
    end;

    return v_answer;
end;
$function$;

comment on function lockstep.validate_consistency(bigint, text) is
$comment$Whether the progress and the license of a user in a specialization agree.

Returns one row for every state: in step, out of step, one side missing, neither there (consistent).
Raises LS001 no such user, LS002 no such specialization. Locks nothing.$comment$;

revoke all on function lockstep.validate_consistency(bigint, text) from public;
grant execute on function lockstep.validate_consistency(bigint, text) to lockstep_app, lockstep_admin;
