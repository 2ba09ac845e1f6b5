-- Every pair out of step now, without names and addresses. Reads every pair.
select
    'lockstep'::text as school,
    pair.user_id,
    pair.specialization,
    pair.progress_level,
    pair.license_level,
    pair.issue_type
from lockstep.desync as pair
