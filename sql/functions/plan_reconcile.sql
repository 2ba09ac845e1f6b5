create or replace function lockstep.plan_reconcile(
    p_attempt integer default 1
)
returns lockstep.sync_runs
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run lockstep.sync_runs;
begin
    perform lockstep.fail_dead_runs();
    v_run := lockstep.plan_sync(
        lockstep.setting('reconcile_direction'), p_reason => 'scheduled reconciliation'
    );

    update lockstep.sync_runs as run
    set scheduled = true
    where run.id = v_run.id
    returning run.* into v_run;

    return v_run;
exception
    when serialization_failure or deadlock_detected or lock_not_available then
        if p_attempt < 3 then
            return null;
        end if;

        -- Three times is enough: the ledger says that this slot failed, and why.
        insert into lockstep.sync_runs (
            direction, dry_run, status, scheduled, reason, job_end, message
        )
        values (
            lockstep.setting('reconcile_direction'), false, 'failed', true, 'scheduled reconciliation',
            clock_timestamp(), format('not planned after %s attempts: %s %s', p_attempt, sqlstate, sqlerrm)
        )
        returning * into v_run;

        return v_run;
end;
$function$;

comment on function lockstep.plan_reconcile(integer) is
$comment$Plans the scheduled run: every pair out of step, in the direction of the setting reconcile_direction.

Returns the run; null when it failed for a reason that passes (40001, 40P01, 55P03) and is worth
another attempt; after the third, a run that is recorded as failed.$comment$;

revoke all on function lockstep.plan_reconcile(integer) from public;
grant execute on function lockstep.plan_reconcile(integer) to lockstep_admin;
