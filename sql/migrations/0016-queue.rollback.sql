-- A job of pg_cron that drains what goes; where pg_cron lives in another database, `make unschedule` takes it out.
do $$
begin
    if to_regclass('cron.job') is not null then
        perform cron.unschedule(job.jobid)
        from cron.job as job
        where job.database = current_database()
            and job.jobname like 'lockstep queue %';
    end if;
end
$$;

do $$
begin
    if exists (select from lockstep.queued_level_ups) then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'the queue is not empty',
            hint = 'Drain it, and requeue or discard what was set aside: rolling back would lose these entries.';
    end if;
end
$$;

delete from lockstep.settings
where name in ('lock_budget', 'queue_batch_size', 'queue_patience', 'queue_retry_pause', 'breach_retention');

drop table lockstep.lock_breaches;
drop table lockstep.queued_level_ups;

drop type lockstep.drain_outcome;
drop type lockstep.change_origin;
drop type lockstep.planned_change;
drop type lockstep.judged_item;
drop type lockstep.batch_outcome;
drop type lockstep.batch_item;
