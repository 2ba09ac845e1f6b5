-- What is moved, kept, made again, and what goes: for the report.
select 'moves', format('public.%s', desk.name), case
    when desk.is_shaped then format('becomes lockstep.%s', desk.name)
    else format('is kept as lockstep.legacy_%s', desk.name)
end
from desk_table as desk
union all
select 'kept', format('column %s', found.name), concat_ws(
    '; ', found.detail ->> 'type',
    case
        when (found.detail ->> 'not_null')::boolean
            and coalesce(found.detail ->> 'default', found.detail ->> 'identity') is null
            then 'may be null from now on: what Lockstep writes does not fill it'
    end
)
from desk_found as found
where found.kind = 'column' and not (found.detail ->> 'is_known')::boolean
    and (found.detail ->> 'table') in (select desk.name from desk_table as desk where desk.is_shaped)
union all
select 'kept', format('key %s on %s', con.conname, con.conrelid::regclass), pg_get_constraintdef(con.oid)
from desk_table as desk
inner join pg_catalog.pg_constraint as con on con.confrelid = desk.catalog and con.contype = 'f'
where con.conrelid not in (select moved.catalog from desk_table as moved)
    and con.oid not in (select found.object from desk_found as found where found.object is not null)
union all
select 'made again', found.kind || ' ' || found.name, concat_ws(
    '; ', 'over the moved tables',
    case when (found.detail ->> 'writable')::boolean then 'what is written through it is coupled like any raw SQL' end
)
from desk_found as found
where found.kind in ('view', 'materialized view')
union all
select 'replaced', found.kind || ' ' || found.name, found.detail ->> 'definition'
from desk_found as found
where found.kind in ('constraint', 'foreign key', 'index')
union all
select 'replaced', found.kind || ' ' || found.name, format('an identity goes on above %s', found.detail ->> 'last_value')
from desk_found as found
where found.kind = 'sequence'
order by 1, 2;
