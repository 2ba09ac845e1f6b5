create or replace view lockstep.threshold_breaches as
select
    breach.id as breach_id,
    breach.kind,
    breach.subject,
    breach.began_at,
    breach.last_seen_at,
    breach.ended_at,
    breach.samples,
    breach.measured,
    breach.threshold,
    breach.cause
from lockstep.breach_records as breach;

comment on view lockstep.threshold_breaches is
'Thresholds that were reached, each with its cause, from the first sample that saw it to the first that did not. Of waits for a pair that were given up, breaches has each.';

grant select on lockstep.threshold_breaches to lockstep_admin, lockstep_readonly;
