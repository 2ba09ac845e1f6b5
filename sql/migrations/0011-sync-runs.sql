-- The ledger of repairs (D3 to D9): a run is a plan; each item carries the rows as they were seen,
-- what is to be done, and what came of it.

create table lockstep.sync_runs (
    id bigint generated always as identity,
    kind text not null default 'sync',
    direction text not null,
    dry_run boolean not null default true,
    status text not null default 'planned',
    specialization_id text,
    user_id bigint,
    undo_of bigint,
    requested_by bigint,
    reason text,
    scheduled boolean not null default false,
    job_start timestamptz not null default clock_timestamp(),
    job_end timestamptz,
    last_batch_at timestamptz,
    backend_pid integer,
    issues_found bigint not null default 0,
    synced_count bigint not null default 0,
    failed_count bigint not null default 0,
    skipped_count bigint not null default 0,
    message text,
    constraint sync_runs_pkey primary key (id),
    constraint fk_sync_runs_undo_of foreign key (undo_of) references lockstep.sync_runs (id) on delete set null,
    constraint ck_sync_runs_kind check (kind in ('sync', 'undo')),
    constraint ck_sync_runs_direction check (
        direction in ('progress_to_license', 'license_to_progress', 'to_higher_level')
    ),
    constraint ck_sync_runs_status check (
        status in ('planned', 'running', 'success', 'partial_failure', 'failed', 'skipped')
    )
);

-- One run over many users at a time: the second finds this taken.
create unique index uq_sync_runs_running on lockstep.sync_runs ((true))
where status = 'running' and user_id is null;
create index ix_sync_runs_job_start on lockstep.sync_runs (job_start);

create table lockstep.sync_run_items (
    user_id bigint not null,
    run_id bigint not null,
    specialization_id text not null,
    issue_type text not null,
    action text not null,
    source text,
    progress_before jsonb,
    license_before jsonb,
    expected_level integer,
    outcome text not null default 'planned',
    detail text,
    error_code text,
    attempts integer not null default 0,
    progress_after jsonb,
    license_after jsonb,
    applied_at timestamptz,
    constraint sync_run_items_pkey primary key (user_id, run_id, specialization_id),
    constraint fk_sync_run_items_run foreign key (run_id) references lockstep.sync_runs (id) on delete cascade,
    constraint ck_sync_run_items_action check (
        action in (
            'create_license', 'create_progress', 'update_license', 'update_progress', 'restore', 'none'
        )
    ),
    constraint ck_sync_run_items_outcome check (
        outcome in ('planned', 'synced', 'undone', 'undone_in_step', 'skipped', 'failed')
    )
);

create index ix_sync_run_items_run on lockstep.sync_run_items (run_id, user_id, specialization_id);
create index ix_sync_run_items_open
on lockstep.sync_run_items (run_id, attempts, ((progress_before is null)) desc, user_id, specialization_id)
where outcome = 'planned';

comment on table lockstep.sync_runs is 'One row a run of repair: planned, applied, undone or skipped.';
comment on column lockstep.sync_runs.kind is 'sync, or undo of another run.';
comment on column lockstep.sync_runs.direction is
'progress_to_license, license_to_progress or to_higher_level; of an undo, that of the run undone.';
comment on column lockstep.sync_runs.dry_run is 'True while it is a plan that nobody has applied.';
comment on column lockstep.sync_runs.status is
'planned, running, success, partial_failure (items failed), failed, or skipped (another run was under way).';
comment on column lockstep.sync_runs.requested_by is 'The application''s actor: a user id.';
comment on column lockstep.sync_runs.last_batch_at is 'When the last batch committed: shows a run that was killed.';
comment on column lockstep.sync_runs.backend_pid is 'The server process that works on it.';
comment on column lockstep.sync_runs.issues_found is 'Items of the plan.';
comment on index lockstep.uq_sync_runs_running is 'One run over many users at a time; runs of one user pass.';
comment on index lockstep.ix_sync_runs_job_start is 'Serves the list of runs and the retention.';
comment on column lockstep.sync_runs.undo_of is 'The run that this one undoes.';
comment on column lockstep.sync_runs.scheduled is 'True for a run of reconcile().';
comment on constraint ck_sync_runs_kind on lockstep.sync_runs is 'A run repairs, or undoes another.';
comment on constraint ck_sync_runs_direction on lockstep.sync_runs is 'Which side the level comes from.';
comment on constraint ck_sync_runs_status on lockstep.sync_runs is 'The states of a run.';
comment on constraint fk_sync_runs_undo_of on lockstep.sync_runs is 'An undo outlives the run that it undid.';
comment on table lockstep.sync_run_items is 'What a run is to do to one pair, and what came of it.';
comment on column lockstep.sync_run_items.issue_type is 'As in the desync view, when the plan was made.';
comment on column lockstep.sync_run_items.action is
'create_license, create_progress, update_license, update_progress, restore (undo), or none: the source is missing.';
comment on column lockstep.sync_run_items.source is 'The side that the other takes its level from: progress or license.';
comment on column lockstep.sync_run_items.progress_before is 'The whole row as the plan saw it; null where it was missing.';
comment on column lockstep.sync_run_items.license_before is 'The whole row as the plan saw it; null where it was missing.';
comment on column lockstep.sync_run_items.expected_level is 'The level of both sides afterwards.';
comment on column lockstep.sync_run_items.outcome is
'planned, synced, undone, undone_in_step (the old state was a disagreement: both sides took the level that was replaced), skipped or failed.';
comment on column lockstep.sync_run_items.error_code is 'SQLSTATE of the last failure.';
comment on column lockstep.sync_run_items.attempts is 'At most three, for failures that pass.';
comment on column lockstep.sync_run_items.progress_after is 'The whole row as the run left it: what an undo compares.';
comment on column lockstep.sync_run_items.license_after is 'The whole row as the run left it: what an undo compares.';
comment on constraint ck_sync_run_items_action on lockstep.sync_run_items is 'What an item can list.';
comment on constraint ck_sync_run_items_outcome on lockstep.sync_run_items is 'What can come of an item.';
comment on constraint fk_sync_run_items_run on lockstep.sync_run_items is 'Items go with their run.';
comment on index lockstep.ix_sync_run_items_run is 'Serves the items of one run, in lock order.';
comment on index lockstep.ix_sync_run_items_open is 'Serves the next batch of a run: those tried less often first, in lock order.';

grant select, insert, update, delete on lockstep.sync_runs, lockstep.sync_run_items to lockstep_coupler;

insert into lockstep.settings (name, value, kind, description)
values
('sync_batch_size', '100', 'integer', 'Pairs that a repair holds locked at a time, at most.'),
('sync_lock_timeout', '50ms', 'interval', 'How long a repair waits for a pair before live traffic wins.'),
('sync_pause', '10ms', 'interval', 'Pause between two batches of a repair.'),
('sync_retention', '90 days', 'interval', 'How long runs and their items are kept.'),
('sync_stalled_after', '10 minutes', 'interval', 'A run without a batch for so long is taken for dead.'),
('reconcile_direction', 'to_higher_level', 'text', 'What the scheduled run does about a pair out of step.');
