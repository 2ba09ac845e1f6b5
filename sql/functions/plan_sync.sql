create or replace function lockstep.plan_sync(
    p_direction text,
    p_specialization_id text default null,
    p_user_id bigint default null,
    p_limit bigint default null,
    p_requested_by bigint default null,
    p_reason text default null,
    p_pairs jsonb default null
)
returns lockstep.sync_runs
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run lockstep.sync_runs;
    v_found bigint;
begin
    if p_direction is null
        or p_direction not in ('progress_to_license', 'license_to_progress', 'to_higher_level')
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('direction=%s', coalesce(p_direction, 'null')),
            hint = 'The direction is progress_to_license, license_to_progress or to_higher_level.';
    end if;

    if p_user_id is not null then
        perform lockstep.check_user(p_user_id);
    end if;

    if p_specialization_id is not null then
        perform lockstep.check_specialization(p_specialization_id);
    end if;

    if p_requested_by is not null then
        perform lockstep.check_user(p_requested_by);
    end if;

    insert into lockstep.sync_runs (direction, specialization_id, user_id, requested_by, reason)
    values (p_direction, p_specialization_id, p_user_id, p_requested_by, p_reason)
    returning * into v_run;

    -- Chosen before anything is joined: so one user costs two index lookups, not a scan of everybody.
    with issue as materialized (
        select found.*
        from lockstep.desync as found
        where (p_specialization_id is null or found.specialization = p_specialization_id)
            and (p_user_id is null or found.user_id = p_user_id)
            and (p_pairs is null or (found.user_id, found.specialization) in (
                select chosen.user_id, chosen.specialization_id
                from jsonb_to_recordset(p_pairs) as chosen (user_id bigint, specialization_id text)
            ))
        order by found.user_id, found.specialization
        limit p_limit
    )

    insert into lockstep.sync_run_items (
        user_id, run_id, specialization_id, issue_type, action, source,
        progress_before, license_before, expected_level
    )
    select
        issue.user_id,
        v_run.id,
        issue.specialization,
        issue.issue_type,
        case
            when chosen.source = 'progress' and issue.progress_level is null then 'none'
            when chosen.source = 'license' and issue.license_level is null then 'none'
            when issue.license_level is null then 'create_license'
            when issue.progress_level is null then 'create_progress'
            when chosen.source = 'progress' then 'update_license'
            else 'update_progress'
        end,
        chosen.source,
        to_jsonb(progress),
        to_jsonb(license),
        case chosen.source when 'progress' then issue.progress_level else issue.license_level end
    from issue
    left outer join lockstep.specialization_progress as progress
        on progress.student_id = issue.user_id
        and progress.specialization_id = issue.specialization
    left outer join lockstep.user_licenses as license
        on license.user_id = issue.user_id
        and license.specialization_type = issue.specialization
    cross join lateral (
        select case
            when p_direction = 'progress_to_license' then 'progress'
            when p_direction = 'license_to_progress' then 'license'
            when issue.license_level is null or issue.progress_level > issue.license_level then 'progress'
            else 'license'
        end as source
    ) as chosen;

    get diagnostics v_found = row_count;

    update lockstep.sync_runs as run
    set issues_found = v_found
    where run.id = v_run.id
    returning run.* into v_run;

    return v_run;
end;
$function$;

comment on function lockstep.plan_sync(text, text, bigint, bigint, bigint, text, jsonb) is
$comment$Plans a repair: a run with one item for each pair out of step, as seen now. Changes no pair.

Of one specialization, one user, or (null) of all; at most p_limit items; p_pairs: of these only, a JSON array
of objects with user_id and specialization_id. apply_sync() does just what it lists; a pair that changes in
between is skipped.
Raises LS001 no such user or actor, LS002 no such specialization, LS006 another direction. Locks nothing.$comment$;

revoke all on function lockstep.plan_sync(text, text, bigint, bigint, bigint, text, jsonb) from public;
grant execute on function lockstep.plan_sync(text, text, bigint, bigint, bigint, text, jsonb) to lockstep_admin;
