-- Who applied a run: a plan that one admin made may be applied by another, and gone on with by a third.

alter table lockstep.sync_runs
add column applied_by bigint,
add column applied_role text,
add column applied_application text;

comment on column lockstep.sync_runs.requested_by is 'Who planned it: a user id, as the application says.';
comment on column lockstep.sync_runs.applied_by is
'Who took it into work, of several the last: a user id, as the application says. Null: nobody yet, or it did not say.';
comment on column lockstep.sync_runs.applied_role is 'The database role that took it into work; null: nobody yet.';
comment on column lockstep.sync_runs.applied_application is 'The application_name of that session: how it was applied.';
