-- Batches and the queue (B9, B10), and the lock budget.

create type lockstep.batch_item as (
    user_id bigint,
    specialization_id text,
    new_level integer,
    xp_change bigint,
    sessions_change integer,
    projects_change integer,
    theory_hours_change numeric,
    practice_hours_change numeric,
    advanced_by bigint,
    reason text,
    idempotency_key text
);

comment on type lockstep.batch_item is
'One call of level_up() (new_level null) or update_level(), as an item of a batch. A change left null is 0.';

create type lockstep.batch_outcome as (
    place integer,
    outcome text,
    error_code text,
    detail text,
    user_id bigint,
    specialization_id text,
    progress_old_level integer,
    progress_new_level integer,
    license_old_level integer,
    license_new_level integer,
    max_achieved_level integer,
    total_xp bigint,
    completed_sessions integer,
    completed_projects integer,
    theory_hours numeric(8, 2),
    practice_hours numeric(8, 2),
    xp_change bigint,
    sessions_change integer,
    progression_created boolean,
    desync boolean,
    replayed boolean,
    message text
);

comment on type lockstep.batch_outcome is
'What came of an item. place: its number in the batch, from 1; outcome: done, replayed or refused. Of a refused one the SQLSTATE, the message and its detail, and nothing was changed by it; of the others the columns of level_change.';

create type lockstep.judged_item as (
    place integer,
    user_id bigint,
    specialization_id text,
    kind text,
    is_odd boolean,
    item lockstep.batch_item,
    arguments jsonb,
    stored_answer jsonb,
    license_id bigint,
    level integer,
    max_achieved_level integer,
    top_level integer,
    total_xp bigint,
    completed_sessions integer,
    completed_projects integer,
    theory_hours numeric,
    practice_hours numeric
);

comment on type lockstep.judged_item is
'An item and the pair it is for, as found. kind: folded (into one change of its pair), replay (of an earlier call) or single (by itself, as the function does it). is_odd: all of its user''s items must go singly. Figures of a pair that is not there yet are null.';

create type lockstep.planned_change as (
    place integer,
    kind text,
    is_last boolean,
    pair_changes boolean,
    license_id bigint,
    item lockstep.batch_item,
    arguments jsonb,
    answer lockstep.level_change,
    error_code text,
    detail text
);

comment on type lockstep.planned_change is
'What is to be done about an item, and the answer to it; kind as in judged_item. is_last: the last of its pair; pair_changes: an item of the pair changes its level; license_id is null where the pair is to be made. A single one that was done has the kind done, replay or refused.';

create type lockstep.change_origin as (
    database_role text,
    application_name text,
    client_address inet
);

comment on type lockstep.change_origin is 'Who asked for a change that somebody else carries out, for the history.';

create table lockstep.queued_level_ups (
    user_id bigint not null,
    id bigint generated always as identity,
    specialization_id text not null,
    xp_gained bigint not null,
    sessions_completed integer not null,
    projects_completed integer not null,
    theory_hours numeric not null,
    practice_hours numeric not null,
    advanced_by bigint,
    reason text,
    idempotency_key text,
    database_role text not null default coalesce(nullif(current_setting('role'), 'none'), session_user),
    application_name text not null default current_setting('application_name'),
    client_address inet default inet_client_addr(),
    enqueued_at timestamptz not null default clock_timestamp(),
    attempts integer not null default 0,
    try_after timestamptz,
    error_code text,
    error text,
    set_aside_at timestamptz,
    constraint queued_level_ups_pkey primary key (user_id, id),
    constraint fk_queued_level_ups_user foreign key (user_id) references lockstep.users (id) on delete restrict
);

create index ix_queued_level_ups_waiting on lockstep.queued_level_ups (id) where set_aside_at is null;

comment on table lockstep.queued_level_ups is
'Calls of level_up() that wait to be drained: an entry goes in the transaction that applies it.';
comment on column lockstep.queued_level_ups.xp_gained is 'This and what follows up to the key: the arguments of level_up().';
comment on column lockstep.queued_level_ups.sessions_completed is 'As in level_up().';
comment on column lockstep.queued_level_ups.projects_completed is 'As in level_up().';
comment on column lockstep.queued_level_ups.theory_hours is 'As in level_up().';
comment on column lockstep.queued_level_ups.practice_hours is 'As in level_up().';
comment on column lockstep.queued_level_ups.advanced_by is 'As in level_up().';
comment on column lockstep.queued_level_ups.idempotency_key is 'As in level_up(): queued twice, it is applied once.';
comment on column lockstep.queued_level_ups.database_role is 'The role that enqueued it: the history names it, not the worker.';
comment on column lockstep.queued_level_ups.client_address is 'Where it was enqueued from; null: a Unix socket.';
comment on column lockstep.queued_level_ups.attempts is 'How often it was refused; after the third time it is set aside.';
comment on column lockstep.queued_level_ups.try_after is 'Not to be tried again before this; null: at once.';
comment on column lockstep.queued_level_ups.error_code is 'SQLSTATE of the last refusal.';
comment on column lockstep.queued_level_ups.error is 'Message and detail of the last refusal.';
comment on column lockstep.queued_level_ups.set_aside_at is 'When it was set aside; null: it waits.';
comment on constraint fk_queued_level_ups_user on lockstep.queued_level_ups is 'A user with entries in the queue cannot be deleted.';
comment on index lockstep.ix_queued_level_ups_waiting is 'Serves a drain: the oldest entries first.';

create type lockstep.drain_outcome as (
    claimed integer,
    applied integer,
    refused integer,
    set_aside integer,
    busy integer,
    breach_user_id bigint,
    breach_specialization_id text,
    breach_waited interval
);

comment on type lockstep.drain_outcome is
'What one drain did. applied: entries done, replays included; busy: left for later because somebody held their pair; breach: the pair that was waited for longer than the lock budget, for note_lock_breach().';

create table lockstep.lock_breaches (
    user_id bigint not null,
    id bigint generated always as identity,
    specialization_id text not null,
    source text not null,
    noticed_at timestamptz not null default clock_timestamp(),
    waited interval not null,
    waiter_application text not null default current_setting('application_name'),
    blocker_pid integer,
    blocker_application text,
    blocker_role text,
    blocker_state text,
    blocker_transaction_start timestamptz,
    blocker_query text,
    constraint lock_breaches_pkey primary key (user_id, id),
    constraint ck_lock_breaches_source check (source in ('http', 'queue', 'client'))
);

create index ix_lock_breaches_noticed_at on lockstep.lock_breaches (noticed_at);

comment on table lockstep.lock_breaches is
'One row for each time somebody waited for a pair longer than the setting lock_budget and gave up, with who held it.';
comment on column lockstep.lock_breaches.source is 'Who waited: http, queue or client.';
comment on column lockstep.lock_breaches.noticed_at is 'When it was recorded, right after the wait.';
comment on column lockstep.lock_breaches.waited is 'How long the wait was.';
comment on column lockstep.lock_breaches.waiter_application is 'The application_name of the session that waited.';
comment on column lockstep.lock_breaches.blocker_pid is
'Who held the pair when it was recorded; null: nobody any more, it was let go in between.';
comment on column lockstep.lock_breaches.blocker_application is 'Its application_name.';
comment on column lockstep.lock_breaches.blocker_role is 'The role that it logged in as.';
comment on column lockstep.lock_breaches.blocker_state is
'active, idle in transaction, …; null where the role that recorded it may not see that session.';
comment on column lockstep.lock_breaches.blocker_transaction_start is 'Since when its transaction was open.';
comment on column lockstep.lock_breaches.blocker_query is 'Its last or running statement, the first 1000 characters.';
comment on constraint ck_lock_breaches_source on lockstep.lock_breaches is 'Who keeps a lock budget.';
comment on index lockstep.ix_lock_breaches_noticed_at is 'Serves the newest breaches and the retention.';

grant select, insert, update, delete on lockstep.queued_level_ups, lockstep.lock_breaches to lockstep_coupler;

insert into lockstep.settings (name, value, kind, description)
values
('lock_budget', '100ms', 'interval', 'How long HTTP and the queue wait for a pair before they give up.'),
('queue_batch_size', '1000', 'integer', 'Entries that a drain takes at a time, at most.'),
('queue_patience', '1 second', 'interval', 'An entry older than this has its pair waited for; a younger one gives way.'),
('queue_retry_pause', '1 second', 'interval', 'Pause before a refused entry is tried again; the second time four times as long.'),
('breach_retention', '30 days', 'interval', 'How long breaches of the lock budget are kept.');
