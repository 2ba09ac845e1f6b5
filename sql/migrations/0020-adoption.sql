-- Taking over what another system left: what was read of it waits here, and for each of its rows
-- it stands what became of it. Nothing of it is granted to anybody: who migrates adopts.

create table lockstep.adoption_runs (
    id bigint generated always as identity,
    source text not null,
    timezone text not null,
    direction text not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    sums jsonb,
    constraint adoption_runs_pkey primary key (id),
    constraint ck_adoption_runs_direction check (
        direction in ('to_higher_level', 'progress_to_license', 'license_to_progress')
    )
);

comment on table lockstep.adoption_runs is
'Adoptions: each reads a source once, and brings over what is new or changed in it.';
comment on column lockstep.adoption_runs.source is 'The name of the source: rows of it are known by it.';
comment on column lockstep.adoption_runs.timezone is 'The zone in which times of the source that name none are read.';
comment on column lockstep.adoption_runs.direction is 'How pairs out of step are repaired on the way.';
comment on column lockstep.adoption_runs.ended_at is 'Null: under way, or interrupted. The next adoption brings the rest.';
comment on column lockstep.adoption_runs.sums is 'What was found and what became of it, by table.';
comment on constraint ck_adoption_runs_direction on lockstep.adoption_runs is 'The directions of a repair.';

-- Unlogged: what is lost in a crash is read again.
create unlogged table lockstep.adoption_staging (
    table_name text not null,
    source_id text not null,
    content jsonb not null,
    file_sha256 text,
    file_bytes bigint,
    file_fault text,
    hash text generated always as (md5(content::text || coalesce(file_sha256, file_fault, ''))) stored,
    user_id bigint,
    specialization_id text,
    actor_id bigint,
    outcome text,
    reasons text[] not null default '{}',
    state text,
    figures numeric[],
    times timestamptz[],
    level_found numeric,
    level_kept integer,
    xp_found numeric,
    xp_kept bigint,
    target_id text,
    moves_to text,
    done boolean not null default false,
    constraint adoption_staging_pkey primary key (table_name, source_id)
);

create index ix_adoption_staging_pair on lockstep.adoption_staging (user_id, specialization_id);

comment on table lockstep.adoption_staging is
'The rows of a source while it is adopted, each with what is to become of it; empty otherwise.';
comment on column lockstep.adoption_staging.source_id is 'The id of the row in the source, as text.';
comment on column lockstep.adoption_staging.content is 'The whole row.';
comment on column lockstep.adoption_staging.file_sha256 is 'Of the file of a project or an asset, in hex.';
comment on column lockstep.adoption_staging.file_bytes is 'The length of that file.';
comment on column lockstep.adoption_staging.reasons is 'What is wrong with it, in the words of adopted_rows.';
comment on column lockstep.adoption_staging.file_fault is 'Why the file of a project or an asset cannot be taken.';
comment on column lockstep.adoption_staging.hash is 'Of the row and its file: tells whether it changed since it was adopted.';
comment on column lockstep.adoption_staging.user_id is 'Whose it is here: a user who is there, or will be.';
comment on column lockstep.adoption_staging.actor_id is 'Who did it, of a history row: a user here.';
comment on column lockstep.adoption_staging.outcome is 'What is to become of it, in the words of adopted_rows.';
comment on column lockstep.adoption_staging.state is 'new, changed, or unchanged since it was adopted.';
comment on column lockstep.adoption_staging.figures is
'Of a progress row or a license: level, XP, sessions, projects, hours of theory, of practice, highest level.';
comment on column lockstep.adoption_staging.times is
'Of a progress row or a license: last activity, made, changed, started, last advanced.';
comment on column lockstep.adoption_staging.level_found is 'The level as the source has it.';
comment on column lockstep.adoption_staging.level_kept is 'The level as it is to stand here.';
comment on column lockstep.adoption_staging.xp_found is 'XP as the source has it.';
comment on column lockstep.adoption_staging.xp_kept is 'XP as it is to stand here.';
comment on column lockstep.adoption_staging.target_id is 'The id of the row here, where the row alone does not tell it.';
comment on column lockstep.adoption_staging.moves_to is
'Of a user who was adopted before: the address they have in the source now, in lower case; null where it stays.';
comment on column lockstep.adoption_staging.done is 'It stands in adopted_rows.';
comment on index lockstep.ix_adoption_staging_pair is 'Finds the rows of a pair.';

create unlogged table lockstep.adoption_pairs (
    user_id bigint not null,
    specialization_id text not null,
    state text not null,
    current_level integer not null,
    total_xp bigint not null,
    completed_sessions integer not null,
    completed_projects integer not null,
    theory_hours_completed numeric(8, 2) not null,
    practice_hours_completed numeric(8, 2) not null,
    last_activity timestamptz,
    progress_created_at timestamptz,
    progress_updated_at timestamptz,
    max_achieved_level integer not null,
    started_at timestamptz,
    last_advanced_at timestamptz,
    is_active boolean not null,
    instructor_notes text,
    license_created_at timestamptz,
    license_updated_at timestamptz,
    done boolean not null default false,
    constraint adoption_pairs_pkey primary key (user_id, specialization_id)
);

comment on table lockstep.adoption_pairs is
'Pairs as they are to stand here, both sides in one row, while a source is adopted; empty otherwise.';
comment on column lockstep.adoption_pairs.total_xp is 'As it is to stand in specialization_progress.';
comment on column lockstep.adoption_pairs.completed_sessions is 'As it is to stand in specialization_progress.';
comment on column lockstep.adoption_pairs.theory_hours_completed is 'As it is to stand in specialization_progress.';
comment on column lockstep.adoption_pairs.practice_hours_completed is 'As it is to stand in specialization_progress.';
comment on column lockstep.adoption_pairs.last_activity is 'As it is to stand in specialization_progress.';
comment on column lockstep.adoption_pairs.done is 'It has come over.';
comment on column lockstep.adoption_pairs.state is
'new, changed, unchanged, or conflict: the pair here is not as an adoption left it.';

create table lockstep.adopted_rows (
    source text not null,
    table_name text not null,
    source_id text not null,
    outcome text not null,
    reasons text[] not null default '{}',
    user_id bigint,
    specialization_id text,
    target_id text,
    hash text,
    target_state text,
    level_found numeric,
    level_kept integer,
    xp_found numeric,
    xp_kept bigint,
    bytes_found bigint,
    content jsonb,
    extra jsonb,
    run_id bigint not null,
    adopted_at timestamptz not null default clock_timestamp(),
    constraint adopted_rows_pkey primary key (source, table_name, source_id),
    constraint fk_adopted_rows_run foreign key (run_id) references lockstep.adoption_runs (id) on delete restrict,
    constraint ck_adopted_rows_outcome check (
        outcome in ('imported', 'repaired', 'merged', 'quarantined', 'conflict', 'erased')
    )
);

create index ix_adopted_rows_user_id on lockstep.adopted_rows (user_id, specialization_id);
create index ix_adopted_rows_run_id on lockstep.adopted_rows (run_id);

comment on table lockstep.adopted_rows is
'Every row of an adopted source, and what became of it. What did not come over as it was stands here whole.';
comment on column lockstep.adopted_rows.outcome is
'imported as it was, repaired, merged into another row, quarantined, conflict (the row here has changed, and stays),
or erased (its person was, and it does not come back).';
comment on column lockstep.adopted_rows.reasons is 'What was wrong with it: docs/adoption.md explains each word.';
comment on column lockstep.adopted_rows.user_id is 'Whose it is here; null where that is nobody.';
comment on column lockstep.adopted_rows.target_id is 'The id of the row here.';
comment on column lockstep.adopted_rows.hash is 'Of the row as it was read: another one later means it changed there.';
comment on column lockstep.adopted_rows.target_state is
'Of the row here as the adoption left it: another one later means it changed here, and it is not overwritten.';
comment on column lockstep.adopted_rows.level_found is 'The level as the source had it.';
comment on column lockstep.adopted_rows.level_kept is 'The level as it came over.';
comment on column lockstep.adopted_rows.xp_found is 'XP as the source had it.';
comment on column lockstep.adopted_rows.xp_kept is 'XP as it came over.';
comment on column lockstep.adopted_rows.bytes_found is 'The length of its file, of a project or an asset.';
comment on column lockstep.adopted_rows.content is 'The whole row as it was read; null where it was imported as it was.';
comment on column lockstep.adopted_rows.extra is 'Columns of the source that have no place here.';
comment on constraint fk_adopted_rows_run on lockstep.adopted_rows is 'The adoption that wrote the row last.';
comment on constraint ck_adopted_rows_outcome on lockstep.adopted_rows is 'What can become of a row.';
comment on index lockstep.ix_adopted_rows_user_id is 'Finds what was adopted of a person, and of a pair.';
comment on index lockstep.ix_adopted_rows_run_id is 'Serves the foreign key.';

grant select, insert, update, delete on lockstep.adoption_runs, lockstep.adoption_staging,
lockstep.adoption_pairs, lockstep.adopted_rows to lockstep_coupler;

-- Users keep their ids, so the next one comes after the highest.
do $$
begin
    execute format('grant select, update on sequence %s to lockstep_coupler', pg_get_serial_sequence('lockstep.users', 'id'));
end
$$;
