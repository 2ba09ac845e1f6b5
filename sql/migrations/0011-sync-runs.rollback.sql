-- Jobs of pg_cron that call what goes; where pg_cron lives in another database, `make unschedule` takes them out.
do $$
begin
    if to_regclass('cron.job') is not null then
        perform cron.unschedule(job.jobid)
        from cron.job as job
        where job.database = current_database()
            and job.jobname like 'lockstep %';
    end if;
end
$$;

delete from lockstep.settings
where name in (
    'sync_batch_size', 'sync_lock_timeout', 'sync_pause', 'sync_retention', 'sync_stalled_after',
    'reconcile_direction'
);

drop table lockstep.sync_run_items;
drop table lockstep.sync_runs;
