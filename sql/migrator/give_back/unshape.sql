-- The statements that take the baseline's keys, checks, indexes, defaults and columns from the tables.
with shaped as (
    select class.oid, class.relname as name
    from pg_catalog.pg_class as class
    where class.relnamespace = 'lockstep'::regnamespace
        and class.relname in (
            'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions'
        )
        and exists (select from desk_found as found where found.kind = 'table' and found.name = class.relname)
),

modelled as (
    select
        shaped.oid, shaped.name, model.attname, model.attidentity <> '' as is_identity,
        found.name is not null as was_there
    from shaped
    inner join pg_catalog.pg_attribute as model
        on model.attrelid = to_regclass('lockstep_model.' || shaped.name)
        and model.attnum > 0
    left outer join desk_found as found
        on found.kind = 'column' and found.name = format('%s.%s', shaped.name, model.attname)
),

statements (step, statement) as (
    select 10, format('alter table lockstep.%I drop constraint %I', shaped.name, con.conname)
    from shaped
    inner join pg_catalog.pg_constraint as model
        on model.conrelid = to_regclass('lockstep_model.' || shaped.name) and model.contype in ('c', 'p', 'u')
    inner join pg_catalog.pg_constraint as con on con.conrelid = shaped.oid and con.conname = model.conname
    where not exists (
        select from desk_found as found
        where found.kind = 'primary key' and found.detail ->> 'table' = shaped.name and con.contype = 'p'
    )
    union all
    select 20, format('drop index lockstep.%I', class.relname)
    from shaped
    inner join pg_catalog.pg_index as model on model.indrelid = to_regclass('lockstep_model.' || shaped.name)
    inner join pg_catalog.pg_class as model_class on model_class.oid = model.indexrelid
    inner join pg_catalog.pg_index as index on index.indrelid = shaped.oid
    inner join pg_catalog.pg_class as class on class.oid = index.indexrelid and class.relname = model_class.relname
    where not exists (select from pg_catalog.pg_constraint as con where con.conindid = index.indexrelid)
    union all
    select 30, format(
        'alter table lockstep.%I alter column %I %s', modelled.name, modelled.attname,
        case when modelled.is_identity then 'drop identity' else 'drop default' end
    )
    from modelled
    where modelled.was_there
    union all
    select 40, format('alter table lockstep.%I alter column %I drop not null', modelled.name, modelled.attname)
    from modelled
    where modelled.was_there
        and not (modelled.attname = 'id' and modelled.name in ('users', 'specializations'))
    union all
    select 50, format('alter table lockstep.%I drop column %I', modelled.name, modelled.attname)
    from modelled
    where not modelled.was_there
    union all
    select 60, format('comment on column lockstep.%I.%I is null', modelled.name, modelled.attname)
    from modelled
    where modelled.was_there
)

select statements.statement
from statements
order by statements.step;
