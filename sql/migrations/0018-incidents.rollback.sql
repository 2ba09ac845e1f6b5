-- The job of pg_cron checks health only; where pg_cron lives in another database, `make schedule` after this.
do $$
begin
    if to_regclass('cron.job') is not null then
        perform cron.alter_job(job.jobid, command => 'select lockstep.check_health()')
        from cron.job as job
        where job.database = current_database()
            and job.jobname like 'lockstep health %';
    end if;
end
$$;

delete from lockstep.settings
where name in ('incident_quiet', 'incident_retention', 'mail_attempts', 'mail_retry_pause');

drop table lockstep.incident_checks;
drop table lockstep.incident_mails;
drop table lockstep.noted_incidents;
drop table lockstep.incident_kinds;
