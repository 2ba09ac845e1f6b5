create or replace view lockstep.queue_status as
select
    count(*) filter (where entry.set_aside_at is null) as backlog,
    count(*) filter (where entry.set_aside_at is null and entry.attempts > 0) as retrying,
    count(*) filter (where entry.set_aside_at is not null) as set_aside,
    count(distinct row(entry.user_id, entry.specialization_id)) filter (where entry.set_aside_at is null) as pairs,
    min(entry.enqueued_at) filter (where entry.set_aside_at is null) as oldest_at,
    clock_timestamp() - min(entry.enqueued_at) filter (where entry.set_aside_at is null) as oldest_age
from lockstep.queued_level_ups as entry;

comment on view lockstep.queue_status is 'How the queue stands, in one row.';
comment on column lockstep.queue_status.backlog is 'Entries that wait to be applied.';
comment on column lockstep.queue_status.retrying is 'Of those, the ones that were refused and will be tried again.';
comment on column lockstep.queue_status.set_aside is 'Entries that were refused three times: they need somebody.';
comment on column lockstep.queue_status.pairs is 'Pairs that the backlog is for.';
comment on column lockstep.queue_status.oldest_age is 'How long the oldest entry of the backlog has waited.';

grant select on lockstep.queue_status to lockstep_admin, lockstep_readonly;
