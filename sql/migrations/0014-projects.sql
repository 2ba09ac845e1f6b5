-- Shared projects (F1 to F3, F5, F7): a version that the database raises, revisions that are never lost,
-- and files that stand in the database, so that bytes and row commit or vanish together.

create type lockstep.project_permission as enum ('READ', 'WRITE', 'ADMIN');

comment on type lockstep.project_permission is
'What somebody may do with a project, each more than the one before. READ: see and copy it. WRITE: change it. ADMIN: share, delete and restore it.';

create table lockstep.blobs (
    sha256 bytea not null,
    content bytea not null,
    created_at timestamptz not null default now(),
    constraint blobs_pkey primary key (sha256),
    -- The row cannot lie about its content, whoever writes it.
    constraint ck_blobs_sha256 check (sha256 = sha256(content))
);

-- Project files, pictures and sounds are compressed already.
alter table lockstep.blobs alter column content set storage external;

comment on table lockstep.blobs is
'Contents of files, one row each, by SHA-256. sweep_blobs() takes those that nothing refers to.';
comment on column lockstep.blobs.sha256 is 'SHA-256 of content, 32 bytes.';
comment on column lockstep.blobs.content is 'The bytes.';
comment on constraint ck_blobs_sha256 on lockstep.blobs is 'A content that was altered does not fit its key.';

create table lockstep.projects (
    id bigint generated always as identity,
    user_id bigint not null,
    version integer not null default 1,
    title text not null,
    description text not null default '',
    file_sha256 bytea not null,
    file_name text not null,
    copied_from_id bigint,
    copied_from_version integer,
    restored_from integer,
    created_at timestamptz not null default clock_timestamp(),
    modified_at timestamptz not null default clock_timestamp(),
    modified_by bigint,
    deleted_at timestamptz,
    constraint projects_pkey primary key (user_id, id),
    constraint fk_projects_user foreign key (user_id) references lockstep.users (id) on delete restrict,
    constraint fk_projects_modified_by foreign key (modified_by) references lockstep.users (id) on delete restrict,
    constraint fk_projects_file foreign key (file_sha256) references lockstep.blobs (sha256) on delete restrict,
    constraint ck_projects_version check (version >= 1),
    constraint ck_projects_title check (length(title) between 1 and 200),
    constraint ck_projects_description check (length(description) <= 5000),
    constraint ck_projects_file_name check (length(file_name) between 1 and 255)
);

create index ix_projects_id on lockstep.projects (id);
create index ix_projects_file_sha256 on lockstep.projects (file_sha256);
create index ix_projects_modified_by on lockstep.projects (modified_by);
create index ix_projects_deleted_at on lockstep.projects (deleted_at) where deleted_at is not null;

comment on table lockstep.projects is 'What students build, as it is now; project_revisions has what it was.';
comment on column lockstep.projects.user_id is 'The owner.';
comment on column lockstep.projects.version is
'1, and one more with every update, raw SQL too: what a writer names to change just what they have seen.';
comment on column lockstep.projects.title is 'What people call it.';
comment on column lockstep.projects.description is 'In the words of those who build it.';
comment on column lockstep.projects.file_sha256 is 'The content of the project file.';
comment on column lockstep.projects.file_name is 'What the file was called where it came from.';
comment on column lockstep.projects.copied_from_id is
'The project that it began as a copy of; no key, for it may be gone.';
comment on column lockstep.projects.copied_from_version is 'Which version of that.';
comment on column lockstep.projects.restored_from is 'The version whose state this version brought back; else null.';
comment on column lockstep.projects.modified_by is 'Who made this version; null: raw SQL that did not say.';
comment on column lockstep.projects.deleted_at is 'When it was deleted; it can be restored until purge_projects() takes it.';
comment on constraint fk_projects_user on lockstep.projects is 'A project has an owner.';
comment on constraint fk_projects_modified_by on lockstep.projects is 'Who changed it is somebody who exists.';
comment on constraint fk_projects_file on lockstep.projects is 'The content of a project cannot be deleted.';
comment on constraint ck_projects_version on lockstep.projects is 'Versions start at 1.';
comment on constraint ck_projects_title on lockstep.projects is 'A title has 1 to 200 characters.';
comment on constraint ck_projects_description on lockstep.projects is 'A description has at most 5000 characters.';
comment on constraint ck_projects_file_name on lockstep.projects is 'A file name has 1 to 255 characters.';
comment on index lockstep.ix_projects_id is 'Serves clients that address a row by its id alone.';
comment on index lockstep.ix_projects_file_sha256 is 'Serves sweep_blobs() and the foreign key.';
comment on index lockstep.ix_projects_modified_by is 'Serves export.';
comment on index lockstep.ix_projects_deleted_at is 'Serves purge_projects().';

create table lockstep.project_revisions (
    user_id bigint not null,
    project_id bigint not null,
    version integer not null,
    action text not null,
    changed_fields text[] not null,
    changed_by bigint,
    changed_at timestamptz not null,
    restored_from integer,
    title text not null,
    description text not null,
    file_sha256 bytea not null,
    file_name text not null,
    deleted_at timestamptz,
    database_role text not null default coalesce(nullif(current_setting('role'), 'none'), session_user),
    transaction_id xid8 not null default pg_current_xact_id(),
    constraint project_revisions_pkey primary key (user_id, project_id, version),
    constraint fk_project_revisions_project foreign key (user_id, project_id)
    references lockstep.projects (user_id, id) on delete restrict,
    constraint fk_project_revisions_changed_by foreign key (changed_by)
    references lockstep.users (id) on delete restrict,
    constraint fk_project_revisions_file foreign key (file_sha256)
    references lockstep.blobs (sha256) on delete restrict,
    constraint ck_project_revisions_action check (
        action in ('created', 'copied', 'updated', 'reverted', 'deleted', 'restored')
    )
);

create index ix_project_revisions_file_sha256 on lockstep.project_revisions (file_sha256);
create index ix_project_revisions_changed_by on lockstep.project_revisions (changed_by);

comment on table lockstep.project_revisions is
'Every version of every project, whole, append-only: what was acknowledged can be read and brought back.';
comment on column lockstep.project_revisions.user_id is 'The owner of the project.';
comment on column lockstep.project_revisions.action is
'created, copied, updated, reverted (to restored_from), deleted, restored (after deletion).';
comment on column lockstep.project_revisions.changed_fields is
'Which of title, description, file and deleted differ from the version before.';
comment on column lockstep.project_revisions.changed_by is 'Who did it; null: raw SQL that did not say.';
comment on column lockstep.project_revisions.restored_from is 'The version whose state was brought back; else null.';
comment on column lockstep.project_revisions.title is 'As of this version.';
comment on column lockstep.project_revisions.description is 'As of this version.';
comment on column lockstep.project_revisions.file_sha256 is 'As of this version.';
comment on column lockstep.project_revisions.file_name is 'As of this version.';
comment on column lockstep.project_revisions.deleted_at is 'As of this version.';
comment on column lockstep.project_revisions.database_role is 'The role that the statement ran as.';
comment on column lockstep.project_revisions.transaction_id is 'pg_current_xact_id() of the change.';
comment on constraint fk_project_revisions_project on lockstep.project_revisions is
'A project with revisions cannot be deleted but by purge_projects() and erase_projects().';
comment on constraint fk_project_revisions_changed_by on lockstep.project_revisions is
'Who changed it is somebody who exists.';
comment on constraint fk_project_revisions_file on lockstep.project_revisions is
'The content of a version cannot be deleted.';
comment on constraint ck_project_revisions_action on lockstep.project_revisions is 'How a version came.';
comment on index lockstep.ix_project_revisions_file_sha256 is 'Serves sweep_blobs() and the foreign key.';
comment on index lockstep.ix_project_revisions_changed_by is 'Serves export and erasure.';

create table lockstep.project_shares (
    id bigint generated always as identity,
    user_id bigint not null,
    project_id bigint not null,
    grantee_user_id bigint,
    grantee_group_id bigint,
    permission lockstep.project_permission not null,
    granted_by bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    modified_at timestamptz not null default clock_timestamp(),
    constraint project_shares_pkey primary key (user_id, id),
    constraint uq_project_shares_user unique (user_id, project_id, grantee_user_id),
    constraint uq_project_shares_group unique (user_id, project_id, grantee_group_id),
    constraint fk_project_shares_project foreign key (user_id, project_id)
    references lockstep.projects (user_id, id) on delete restrict,
    constraint fk_project_shares_grantee_user foreign key (grantee_user_id)
    references lockstep.users (id) on delete cascade,
    constraint fk_project_shares_grantee_group foreign key (grantee_group_id)
    references lockstep.groups (id) on delete cascade,
    constraint fk_project_shares_granted_by foreign key (granted_by)
    references lockstep.users (id) on delete restrict,
    constraint ck_project_shares_grantee check (num_nonnulls(grantee_user_id, grantee_group_id) = 1)
);

create index ix_project_shares_grantee_user_id on lockstep.project_shares (grantee_user_id);
create index ix_project_shares_grantee_group_id on lockstep.project_shares (grantee_group_id);

comment on table lockstep.project_shares is
'Who may do what with a project besides its owner: a user or a group. Of several the highest counts.';
comment on column lockstep.project_shares.user_id is 'The owner of the project.';
comment on column lockstep.project_shares.permission is 'READ, WRITE or ADMIN.';
comment on column lockstep.project_shares.granted_by is 'Who shared it, or raised the permission last.';
comment on constraint uq_project_shares_user on lockstep.project_shares is 'One row a project and user.';
comment on constraint uq_project_shares_group on lockstep.project_shares is 'One row a project and group.';
comment on constraint fk_project_shares_project on lockstep.project_shares is 'A share is of a project.';
comment on constraint fk_project_shares_grantee_user on lockstep.project_shares is 'A share goes with its user.';
comment on constraint fk_project_shares_grantee_group on lockstep.project_shares is 'A share goes with its group.';
comment on constraint fk_project_shares_granted_by on lockstep.project_shares is
'Who shared it is somebody who exists.';
comment on constraint ck_project_shares_grantee on lockstep.project_shares is 'A share is with a user or with a group.';
comment on index lockstep.ix_project_shares_grantee_user_id is 'Serves what is shared with a user.';
comment on index lockstep.ix_project_shares_grantee_group_id is 'Serves what is shared with a group.';

-- What the functions return.

create type lockstep.project_state as (
    id bigint,
    user_id bigint,
    owner_name text,
    version integer,
    title text,
    description text,
    file_name text,
    file_size bigint,
    file_sha256 text,
    copied_from_id bigint,
    copied_from_version integer,
    created_at timestamptz,
    modified_at timestamptz,
    modified_by bigint,
    modified_by_name text,
    deleted_at timestamptz,
    permission lockstep.project_permission,
    merged_fields text[]
);

comment on type lockstep.project_state is
'A project as somebody sees it. permission: theirs. merged_fields: what others had changed meanwhile and a merge kept; null where there was none.';

create type lockstep.locked_project as (
    project lockstep.projects,
    permission lockstep.project_permission
);

comment on type lockstep.locked_project is 'A project, locked, and what the actor may do with it.';

create type lockstep.revision_state as (
    project_id bigint,
    version integer,
    action text,
    changed_fields text[],
    changed_by bigint,
    changed_by_name text,
    changed_at timestamptz,
    restored_from integer,
    title text,
    description text,
    file_name text,
    file_size bigint,
    file_sha256 text,
    deleted_at timestamptz
);

comment on type lockstep.revision_state is 'A version of a project: how it came, and its whole state.';

create type lockstep.share_state as (
    project_id bigint,
    user_id bigint,
    group_id bigint,
    name text,
    permission lockstep.project_permission,
    granted_by bigint,
    created_at timestamptz,
    modified_at timestamptz
);

comment on type lockstep.share_state is 'With whom a project is shared: a user or a group, and their name.';

create type lockstep.project_file as (
    project_id bigint,
    version integer,
    file_name text,
    file_size bigint,
    file_sha256 text,
    content bytea
);

comment on type lockstep.project_file is 'The file of a version; content is null where the caller has it already.';

create type lockstep.project_comparison as (
    changed_fields text[],
    wanted_fields text[],
    colliding_fields text[],
    mergeable boolean
);

comment on type lockstep.project_comparison is
'What others changed since a version, what a writer wants to change, and where the two collide. changed_fields: null where there is no such version.';

insert into lockstep.settings (name, value, kind, description)
values
('project_file_limit', '52428800', 'integer', 'Bytes of a project file, at most.'),
('project_retention', '30 days', 'interval', 'How long a deleted project can be restored.'),
('require_if_match', 'off', 'text', 'on: a change of a project names the version that it changes; off: the last writer wins.');

grant select, insert, update, delete on lockstep.projects, lockstep.project_shares to lockstep_coupler;
-- A row lock asks for the right to update one column; nothing that is stored here changes.
grant select, insert, delete, update (created_at) on lockstep.blobs to lockstep_coupler;
grant select, insert, delete on lockstep.project_revisions to lockstep_coupler;
