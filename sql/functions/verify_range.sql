create or replace function lockstep.verify_range(
    p_first_user_id bigint,
    p_last_user_id bigint,
    out pairs bigint,
    out violations bigint,
    out level_mismatch bigint,
    out missing_license bigint,
    out missing_progress bigint
)
returns record
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    select
        count(*),
        count(*) filter (where progress.current_level is distinct from license.current_level),
        count(*) filter (where progress.current_level <> license.current_level),
        count(*) filter (where license.user_id is null),
        count(*) filter (where progress.student_id is null)
    into pairs, violations, level_mismatch, missing_license, missing_progress
    from (
        select one.student_id, one.specialization_id, one.current_level
        from lockstep.specialization_progress as one
        where one.student_id between p_first_user_id and p_last_user_id
    ) as progress
    full outer join (
        select one.user_id, one.specialization_type, one.current_level
        from lockstep.user_licenses as one
        where one.user_id between p_first_user_id and p_last_user_id
    ) as license
        on license.user_id = progress.student_id
        and license.specialization_type = progress.specialization_id;
end;
$function$;

comment on function lockstep.verify_range(bigint, bigint) is
'How many pairs the users of this range of ids have, how many of them are out of step, and in which way. Locks nothing.';

revoke all on function lockstep.verify_range(bigint, bigint) from public;
grant execute on function lockstep.verify_range(bigint, bigint) to lockstep_admin;
