create or replace function lockstep.start_sync(
    p_run_id bigint,
    p_applied_by bigint default null
)
returns lockstep.sync_runs
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run lockstep.sync_runs;
    v_now timestamptz;
    v_pid constant integer := pg_backend_pid();
    v_role constant text := coalesce(nullif(current_setting('role'), 'none'), session_user);
    v_application constant text := current_setting('application_name');
begin
    if p_applied_by is not null then
        perform lockstep.check_user(p_applied_by);
    end if;

    select run.*
    into v_run
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

    -- By itself: beside the run a cluster would not plan it.
    perform
    from lockstep.sync_run_items as open
    where open.run_id = p_run_id
        and open.outcome = 'planned'
    limit 1;

    if v_run.status not in ('planned', 'running')
        and not (v_run.status = 'failed' and found)
    then
        raise exception using
            errcode = 'LS016',
            message = 'run is finished',
            detail = format('run_id=%s status=%s', p_run_id, v_run.status),
            hint = 'Plan a new one, or undo this one.';
    end if;

    perform lockstep.fail_dead_runs(p_run_id);

    -- Over HTTP a run is nobody's between two requests: then whoever asks goes on with it.
    if v_run.status = 'running'
        and (v_run.worker is not null or v_run.backend_pid is not null)
        and lockstep.is_alive(v_run)
    then
        raise exception using
            errcode = 'LS017',
            message = 'run is under way',
            detail = format(
                'run_id=%s held by %s', p_run_id,
                coalesce('server process ' || v_run.backend_pid, 'an HTTP request')
            ),
            hint = 'Wait for it to end.';
    end if;

    v_now := clock_timestamp();

    -- Only this statement is taken back below: the lock on the run stays.
    begin
        update lockstep.sync_runs as run
        set status = 'running',
            dry_run = false,
            job_start = case when run.dry_run then v_now else run.job_start end,
            job_end = null,
            last_batch_at = v_now,
            backend_pid = v_pid,
            worker = null,
            message = null,
            applied_by = p_applied_by,
            applied_role = v_role,
            applied_application = v_application
        where run.id = p_run_id
        returning run.* into v_run;
    exception
        when unique_violation then
            -- uq_sync_runs_running: another run got there first.
            update lockstep.sync_runs as run
            set status = 'skipped',
                job_end = clock_timestamp(),
                message = 'another run was under way'
            where run.id = p_run_id
            returning run.* into v_run;
    end;

    return v_run;
end;
$function$;

comment on function lockstep.start_sync(bigint, bigint) is
$comment$Takes a planned run into work, or one whose worker died or let it go: it goes on where that stopped.

The run keeps who did: p_applied_by, the role and the application_name of the session.
Returns the run: running, or skipped when another run over many users is under way.
Raises LS001 no such actor, LS015 no such run, LS016 already finished, LS017 somebody is working on it.
Locks the run.$comment$;

revoke all on function lockstep.start_sync(bigint, bigint) from public;
grant execute on function lockstep.start_sync(bigint, bigint) to lockstep_admin;
