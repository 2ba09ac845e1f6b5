-- The desk of a take-over: which tables, and what is found on them. Gone at the end of the transaction.
create temporary table desk_table (
    name text primary key,
    catalog oid not null,
    -- Of the five that become ours; the old level tables only move.
    is_shaped boolean not null
) on commit drop;

create temporary table desk_column (
    table_name text not null,
    name text not null,
    place smallint,
    is_known boolean not null,
    primary key (table_name, name)
) on commit drop;

create temporary table desk_found (
    position bigint generated always as identity,
    step integer not null,
    kind text not null,
    name text not null,
    object oid,
    detail jsonb,
    undo text
) on commit drop;

-- Rows that had to leave, or to change, before the first migration could run.
create temporary table desk_row (
    position bigint generated always as identity,
    table_name text not null,
    reason text not null,
    row_id text not null,
    row_before jsonb,
    row_after jsonb,
    survivor_id bigint
) on commit drop;

-- Level rows: as the old tables have them, as our curriculum has them, and as they are kept.
create temporary table desk_level (
    specialization_id text not null,
    level integer,
    table_name text,
    row_id text,
    theirs jsonb,
    ours jsonb,
    kept jsonb,
    -- Why a row of theirs is not kept, in the words of docs/adoption.md.
    fault text
) on commit drop;

insert into desk_table (name, catalog, is_shaped)
select class.relname, class.oid, class.relname not like '%\_levels'
from pg_catalog.pg_class as class
where class.relnamespace = 'public'::regnamespace
    and class.relkind = 'r'
    and class.relname in (
        'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions',
        'player_levels', 'coach_levels', 'internship_levels'
    );

insert into desk_column (table_name, name, place, is_known)
select desk.name, att.attname, att.attnum, model.attname is not null
from desk_table as desk
inner join pg_catalog.pg_attribute as att on att.attrelid = desk.catalog and att.attnum > 0 and not att.attisdropped
left outer join pg_catalog.pg_attribute as model
    on model.attrelid = to_regclass('lockstep_model.' || desk.name)
    and model.attname = att.attname
where desk.is_shaped;
