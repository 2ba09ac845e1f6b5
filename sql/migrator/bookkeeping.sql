-- What the migrator remembers, beside yoyo's own tables; made once, before the first migration.

alter table lockstep.schema_migrations
add column apply_sha256 text not null,
add column rollback_sha256 text not null;

create table lockstep.loaded_sources (
    version text not null,
    position integer not null,
    kind text not null,
    name text not null,
    source text not null,
    loaded_at timestamptz not null default now(),
    constraint loaded_sources_pkey primary key (version, position)
);

comment on table lockstep.schema_migrations is 'The migrations that are applied.';
comment on column lockstep.schema_migrations.migration_hash is 'SHA-256 of migration_id.';
comment on column lockstep.schema_migrations.migration_id is 'The name of the file, without its ending.';
comment on column lockstep.schema_migrations.apply_sha256 is
'SHA-256 of the file as it was applied: frozen from then on.';
comment on column lockstep.schema_migrations.rollback_sha256 is
'SHA-256 of its rollback file at that time: frozen from then on.';
comment on table lockstep.schema_migration_log is 'Every migration applied and rolled back: when, by whom, from where.';
comment on column lockstep.schema_migration_log.operation is 'apply or rollback.';
comment on column lockstep.schema_migration_log.username is 'The role that the migrator logged in as.';
comment on table lockstep.schema_migration_format is
'Which format the migrator''s own tables have: not the version of the schema.';
comment on table lockstep.loaded_sources is
'Functions and views as last loaded at each version of the schema: going down loads them again.';
comment on column lockstep.loaded_sources.version is 'The newest migration applied at that time; 0: none.';
comment on column lockstep.loaded_sources.position is 'The place in the order of loading.';
comment on column lockstep.loaded_sources.kind is 'functions or views: the folder of the file.';
