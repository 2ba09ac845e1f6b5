-- A row a school: pairs and desync by the last look at each range of users, and its newest run. Reads no pair.
select
    'lockstep'::text as school,
    looked.pairs,
    looked.desync_pairs,
    round(100.0 * (looked.pairs - looked.desync_pairs) / nullif(looked.pairs, 0), 2) as consistency_rate,
    looked.oldest_verified,
    ran.last_run
from (
    select
        coalesce(sum(one.pairs), 0) as pairs,
        coalesce(sum(one.violations), 0) as desync_pairs,
        min(one.verified_at) as oldest_verified
    from lockstep.ranges as one
) as looked
cross join (
    select max(one.job_end) as last_run
    from lockstep.runs as one
    where one.scheduled
) as ran
