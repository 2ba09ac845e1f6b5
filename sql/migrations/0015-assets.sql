-- Assets (F4): the pictures and sounds that projects name by the MD5 of their content; and what
-- get-or-create needs to make one row of many (F6).

create table lockstep.assets (
    id text not null,
    sha256 bytea not null,
    type text not null,
    format text not null,
    created_by bigint,
    created_at timestamptz not null default clock_timestamp(),
    constraint assets_pkey primary key (id),
    constraint uq_assets_sha256 unique (sha256),
    constraint fk_assets_content foreign key (sha256) references lockstep.blobs (sha256) on delete restrict,
    constraint fk_assets_created_by foreign key (created_by) references lockstep.users (id) on delete set null,
    constraint ck_assets_id check (id ~ '^[0-9a-f]{32}$'),
    constraint ck_assets_type check (type ~ '^[a-z][a-z0-9_-]{0,31}$'),
    constraint ck_assets_format check (format ~ '^[a-z0-9]{1,10}$')
);

create index ix_assets_created_by on lockstep.assets (created_by);

comment on table lockstep.assets is 'Pictures and sounds, one row a content, whoever uploads it.';
comment on column lockstep.assets.id is
'MD5 of the content in hexadecimal, as project.json names its costumes and sounds; what the content is, sha256 says.';
comment on column lockstep.assets.sha256 is 'The content.';
comment on column lockstep.assets.type is 'What the first to upload it used it as: costume, sound and the like.';
comment on column lockstep.assets.format is 'png, svg, wav and the like, as recognized by content.';
comment on column lockstep.assets.created_by is 'Who uploaded it first; null: erased.';
comment on constraint uq_assets_sha256 on lockstep.assets is 'One asset a content.';
comment on constraint fk_assets_content on lockstep.assets is 'The content of an asset cannot be deleted.';
comment on constraint fk_assets_created_by on lockstep.assets is 'An asset outlives who uploaded it.';
comment on constraint ck_assets_id on lockstep.assets is 'An MD5, 32 digits in lower case.';
comment on constraint ck_assets_type on lockstep.assets is 'A word in lower case.';
comment on constraint ck_assets_format on lockstep.assets is 'The ending of a file name, in lower case.';
comment on index lockstep.ix_assets_created_by is 'Serves export, erasure and the foreign key.';

create table lockstep.pending_names (
    kind text not null,
    name text not null,
    constraint pending_names_pkey primary key (kind, name),
    constraint ck_pending_names_kind check (kind in ('user', 'group')),
    constraint ck_pending_names_name check (length(name) <= 320)
);

comment on table lockstep.pending_names is
'Empty, as seen by everybody: who is about to make a row of this name puts it here and takes it away before the commit. A second one waits for that, and has drawn no number of a sequence.';
comment on column lockstep.pending_names.kind is 'user (the name is an e-mail address in lower case) or group.';
comment on constraint ck_pending_names_kind on lockstep.pending_names is 'What is made so.';
comment on constraint ck_pending_names_name on lockstep.pending_names is 'No e-mail address is longer.';

create type lockstep.asset_state as (
    asset_id text,
    type text,
    format text,
    size bigint,
    sha256 text,
    created_at timestamptz,
    created boolean
);

comment on type lockstep.asset_state is 'An asset. created: this call made it.';

create type lockstep.asset_file as (
    asset_id text,
    type text,
    format text,
    size bigint,
    sha256 text,
    content bytea
);

comment on type lockstep.asset_file is 'An asset and its bytes; content is null where the caller has it already.';

insert into lockstep.settings (name, value, kind, description)
values ('asset_limit', '10485760', 'integer', 'Bytes of an asset, at most.');

grant select, insert, update (created_by) on lockstep.assets to lockstep_coupler;
grant select, insert, delete on lockstep.pending_names to lockstep_coupler;
