create or replace view lockstep.ranges as
select
    one.first_user_id,
    one.last_user_id,
    one.pairs,
    one.violations,
    one.verified_at,
    one.level_mismatch,
    one.missing_license,
    one.missing_progress
from lockstep.verified_ranges as one;

comment on view lockstep.ranges is 'The ranges of user ids that a health check reads, and what the last look at each found.';
comment on column lockstep.ranges.pairs is 'How many pairs its users have.';
comment on column lockstep.ranges.violations is 'Pairs out of step in this range.';
comment on column lockstep.ranges.verified_at is 'When the range was last read; null: never.';

grant select on lockstep.ranges to lockstep_admin, lockstep_readonly;
