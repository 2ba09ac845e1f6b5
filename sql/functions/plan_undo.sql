create or replace function lockstep.plan_undo(
    p_run_id bigint,
    p_requested_by bigint default null,
    p_reason text default null
)
returns lockstep.sync_runs
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_done lockstep.sync_runs;
    v_run lockstep.sync_runs;
    v_found bigint;
begin
    select run.*
    into v_done
    from lockstep.sync_runs as run
    where run.id = p_run_id
    for no key update;

    if not found then
        raise exception using
            errcode = 'LS015',
            message = 'run not found',
            detail = format('run_id=%s', coalesce(p_run_id::text, 'null')),
            hint = 'See lockstep.runs for those that exist.';
    end if;

    if v_done.status in ('planned', 'running', 'skipped') then
        raise exception using
            errcode = 'LS018',
            message = 'run has nothing to undo',
            detail = format('run_id=%s status=%s', p_run_id, v_done.status),
            hint = 'Only a run that was applied can be undone.';
    end if;

    if p_requested_by is not null then
        perform lockstep.check_user(p_requested_by);
    end if;

    insert into lockstep.sync_runs (kind, direction, specialization_id, user_id, undo_of, requested_by, reason)
    values ('undo', v_done.direction, v_done.specialization_id, v_done.user_id, p_run_id, p_requested_by, p_reason)
    returning * into v_run;

    -- What the run left behind is what the undo must find.
    insert into lockstep.sync_run_items (
        user_id, run_id, specialization_id, issue_type, action, source,
        progress_before, license_before, expected_level
    )
    select
        done.user_id,
        v_run.id,
        done.specialization_id,
        done.issue_type,
        'restore',
        done.source,
        done.progress_after,
        done.license_after,
        case
            when done.progress_before is null or done.license_before is null then done.expected_level
            when done.progress_before -> 'current_level' = done.license_before -> 'current_level'
                or done.source = 'license' then (done.progress_before ->> 'current_level')::integer
            else (done.license_before ->> 'current_level')::integer
        end
    from lockstep.sync_run_items as done
    where done.run_id = p_run_id
        and done.outcome in ('synced', 'undone', 'undone_in_step')
    order by done.user_id, done.specialization_id;

    get diagnostics v_found = row_count;

    update lockstep.sync_runs as run
    set issues_found = v_found
    where run.id = v_run.id
    returning run.* into v_run;

    return v_run;
end;
$function$;

comment on function lockstep.plan_undo(bigint, bigint, text) is
$comment$Plans the undo of a run (or of an undo): a run with one item for each pair that it changed.

apply_sync() does it; a pair that changed since is skipped.
Raises LS001 no such actor, LS015 no such run, LS018 nothing to undo. Locks the run that is undone.$comment$;

revoke all on function lockstep.plan_undo(bigint, bigint, text) from public;
grant execute on function lockstep.plan_undo(bigint, bigint, text) to lockstep_admin;
