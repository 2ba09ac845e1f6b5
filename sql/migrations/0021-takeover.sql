-- A database that was taken over in place, and the raw SQL that goes on beside the functions.

create table lockstep.taken_over (
    id bigint generated always as identity,
    step integer not null,
    kind text not null,
    name text not null,
    detail jsonb,
    undo text,
    taken_at timestamptz not null default now(),
    constraint taken_over_pkey primary key (id)
);

comment on table lockstep.taken_over is
'What a take-over in place found on the old tables, and how give-back makes it again. Empty where there was none.';
comment on column lockstep.taken_over.step is 'The order in which give-back goes through them.';
comment on column lockstep.taken_over.kind is 'table, column, sequence, constraint, index, trigger, view, setting, …';
comment on column lockstep.taken_over.detail is 'As the catalog showed it.';
comment on column lockstep.taken_over.undo is
'The SQL that makes it again once the tables are back in public. Run as the installer: only the owner may write it.';

create table lockstep.raw_writes (
    id bigint generated always as identity,
    backend_pid integer not null default pg_backend_pid(),
    database_role text not null,
    application_name text not null,
    table_name text not null,
    operation text not null,
    statements bigint not null default 1,
    first_seen_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    constraint raw_writes_pkey primary key (id)
)
-- A session writes its row again and again: in place, with no index touched.
with (fillfactor = 50);

create index ix_raw_writes_session on lockstep.raw_writes (backend_pid);

comment on table lockstep.raw_writes is
'Raw statements on the coupled tables and the history, counted: a row a session, so that nobody waits for another.';
comment on column lockstep.raw_writes.backend_pid is 'The server process of the session; 0: sessions that ended, added up.';
comment on column lockstep.raw_writes.database_role is 'The role that the statement ran as.';
comment on column lockstep.raw_writes.application_name is 'As the session called itself.';
comment on column lockstep.raw_writes.operation is 'INSERT, UPDATE or DELETE.';
comment on column lockstep.raw_writes.statements is 'How many, whatever they changed: one that found no row counts too.';
comment on index lockstep.ix_raw_writes_session is 'Serves the session that counts.';

grant select, insert, update, delete on lockstep.raw_writes to lockstep_coupler;

insert into lockstep.settings (name, value, kind, description)
values ('raw_write_retention', '90 days', 'interval', 'How long who wrote raw SQL is remembered.');
