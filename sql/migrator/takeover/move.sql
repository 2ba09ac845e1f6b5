-- The statements that move the old tables, and take from them what stands in the way of ours.
with found as (
    select desk_found.*, coalesce(desk_found.detail ->> 'table', split_part(desk_found.name, '.', 1)) as table_name
    from desk_found
),

statements (step, statement) as (
    select 0, format('alter table public.%I set schema lockstep', desk.name)
    from desk_table as desk
    union all
    -- A key is checked with the rights of the table's owner, who may not see into the schema.
    select 10, format('alter table lockstep.%I owner to current_user', desk.name)
    from desk_table as desk
    union all
    select 20, format('drop trigger %I on lockstep.%I', found.detail ->> 'trigger', found.table_name)
    from found where found.kind = 'trigger'
    union all
    select 20, format('drop rule %I on lockstep.%I', found.detail ->> 'rule', found.table_name)
    from found where found.kind = 'rule'
    union all
    select 20, format('drop policy %I on lockstep.%I', found.detail ->> 'policy', found.table_name)
    from found where found.kind = 'policy'
    union all
    select 20, format(
        'alter table lockstep.%I disable row level security, no force row level security', desk.name
    )
    from desk_table as desk where desk.is_shaped
    union all
    select 30, format('alter table %s drop constraint %I', con.conrelid::regclass, con.conname)
    from found
    inner join pg_catalog.pg_constraint as con on con.oid = found.object
    where found.kind in ('foreign key', 'key of another table')
    union all
    select 40, format('alter table lockstep.%I drop constraint %I', found.table_name, found.detail ->> 'constraint')
    from found where found.kind = 'constraint'
    union all
    select 40, format(
        'alter table lockstep.%I rename constraint %I to %I',
        found.table_name, found.detail ->> 'constraint', found.table_name || '_pkey'
    )
    from found
    where found.kind = 'primary key' and found.detail ->> 'constraint' <> found.table_name || '_pkey'
    union all
    select 40, format('drop index lockstep.%I', class.relname)
    from found
    inner join pg_catalog.pg_class as class on class.oid = found.object
    where found.kind = 'index'
    union all
    select 50, format(
        'alter table lockstep.%I alter column %I %s', found.table_name, found.detail ->> 'column',
        case when found.detail ->> 'identity' is null then 'drop default' else 'drop identity' end
    )
    from found
    where found.kind = 'column'
        and (found.detail ->> 'is_known')::boolean
        and coalesce(found.detail ->> 'default', found.detail ->> 'identity') is not null
    union all
    select 60, format('drop sequence %s', class.oid::regclass)
    from found
    inner join pg_catalog.pg_class as class on class.oid = found.object
    where found.kind = 'sequence' and not (found.detail ->> 'is_identity')::boolean
    union all
    -- A column that nobody of ours fills must not ask to be filled.
    select 70, format(
        'alter table lockstep.%I alter column %I drop not null', found.table_name, found.detail ->> 'column'
    )
    from found
    where found.kind = 'column'
        and (found.detail ->> 'not_null')::boolean
        and not (found.detail ->> 'column' = 'id' and found.table_name in ('users', 'specializations'))
        and (
            (found.detail ->> 'is_known')::boolean
            or coalesce(found.detail ->> 'default', found.detail ->> 'identity') is null
        )
    union all
    select 80, format('comment on column lockstep.%I.%I is null', found.table_name, found.detail ->> 'column')
    from found
    where found.kind = 'column' and (found.detail ->> 'is_known')::boolean and found.detail ->> 'comment' is not null
    union all
    select 80, format('comment on table lockstep.%I is null', desk.name)
    from desk_table as desk where desk.is_shaped
)

select statements.step, statements.statement
from statements
order by statements.step;
