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
    v_issue lockstep.desync;
    v_source text;
    v_action text;
    v_progress jsonb;
    v_license jsonb;
    v_level integer;
    v_found bigint := 0;
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

    -- One by one: of a row that an outer join brings, Citus makes one of nulls.
    for v_issue in
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
    loop
        v_source := case
            when p_direction = 'progress_to_license' then 'progress'
            when p_direction = 'license_to_progress' then 'license'
            when v_issue.license_level is null or v_issue.progress_level > v_issue.license_level then 'progress'
            else 'license'
        end;
        v_action := case
            when v_source = 'progress' and v_issue.progress_level is null then 'none'
            when v_source = 'license' and v_issue.license_level is null then 'none'
            when v_issue.license_level is null then 'create_license'
            when v_issue.progress_level is null then 'create_progress'
            when v_source = 'progress' then 'update_license'
            else 'update_progress'
        end;
        v_progress := (
            select to_jsonb(progress)
            from lockstep.specialization_progress as progress
            where progress.student_id = v_issue.user_id
                and progress.specialization_id = v_issue.specialization
        );
        v_license := (
            select to_jsonb(license)
            from lockstep.user_licenses as license
            where license.user_id = v_issue.user_id
                and license.specialization_type = v_issue.specialization
        );
        v_level := case v_source when 'progress' then v_issue.progress_level else v_issue.license_level end;

        insert into lockstep.sync_run_items (
            user_id, run_id, specialization_id, issue_type, action, source,
            progress_before, license_before, expected_level
        )
        values (
            v_issue.user_id, v_run.id, v_issue.specialization, v_issue.issue_type, v_action, v_source,
            v_progress, v_license, v_level
        );
        v_found := v_found + 1;
    end loop;

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
