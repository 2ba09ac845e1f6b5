-- Jobs of pg_cron that work on the coupled tables: the repair of an older system, perhaps.
select format('pg_cron job %s', job.jobid), 'look whether it is still wanted: ' || job.command
from cron.job as job
where job.command ~* '\m(specialization_progress|user_licenses|license_progressions)\M';
