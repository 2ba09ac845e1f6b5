create or replace view lockstep.breaches as
select
    breach.user_id,
    breach.specialization_id,
    breach.source,
    breach.noticed_at,
    breach.waited,
    breach.waiter_application,
    breach.blocker_pid,
    breach.blocker_application,
    breach.blocker_role,
    breach.blocker_state,
    breach.blocker_transaction_start,
    breach.blocker_query
from lockstep.lock_breaches as breach;

comment on view lockstep.breaches is
'Waits for a pair that took longer than the setting lock_budget and were given up, each with who held it.';

grant select on lockstep.breaches to lockstep_admin, lockstep_readonly;
