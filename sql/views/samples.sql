create or replace view lockstep.samples as
select
    sample.sampled_at,
    sample.connections,
    sample.active,
    sample.idle,
    sample.idle_in_transaction,
    sample.waiting,
    sample.longest_wait,
    sample.lock_breaches,
    sample.requests,
    sample.errors,
    sample.conflicts,
    sample.retries
from lockstep.monitoring_samples as sample;

comment on view lockstep.samples is
'Connections, waits and requests over time: a row a look of sample_monitoring().';

grant select on lockstep.samples to lockstep_admin, lockstep_readonly;
