comment on column lockstep.sync_runs.requested_by is 'The application''s actor: a user id.';

alter table lockstep.sync_runs
drop column applied_application,
drop column applied_role,
drop column applied_by;
