delete from lockstep.settings where name in ('project_file_limit', 'project_retention', 'require_if_match');

drop type lockstep.project_comparison;
drop type lockstep.project_file;
drop type lockstep.share_state;
drop type lockstep.revision_state;
drop type lockstep.locked_project;
drop type lockstep.project_state;
drop table lockstep.project_shares;
drop table lockstep.project_revisions;
drop table lockstep.projects;
drop table lockstep.blobs;
drop type lockstep.project_permission;
