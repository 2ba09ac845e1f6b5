-- The statements that give the columns of the moved tables the types of ours, and make those that are
-- missing (1 before 2). A time without a zone was written in the zone that the caller has named.
with wanted as (
    select
        desk.name as table_name,
        att.attname as column_name,
        att.attnum as place,
        format_type(att.atttypid, att.atttypmod) as type,
        pg_get_expr(def.adbin, def.adrelid) as expression,
        ours.attname is not null as is_there,
        format_type(ours.atttypid, ours.atttypmod) as type_there,
        ours.atttypid in ('timestamp'::regtype, 'date'::regtype) and att.atttypid = 'timestamptz'::regtype as is_naive
    from desk_table as desk
    inner join pg_catalog.pg_attribute as att
        on att.attrelid = to_regclass('lockstep_model.' || desk.name)
        and att.attnum > 0
        and not att.attisdropped
    left outer join pg_catalog.pg_attrdef as def on def.adrelid = att.attrelid and def.adnum = att.attnum
    left outer join pg_catalog.pg_attribute as ours on ours.attrelid = desk.catalog and ours.attname = att.attname
    where desk.is_shaped
)

select 1, format('alter table lockstep.%I %s', wanted.table_name, string_agg(
    format('add column %I %s', wanted.column_name, concat_ws(' ', wanted.type, 'default ' || wanted.expression)),
    ', ' order by wanted.place
))
from wanted
where not wanted.is_there
group by wanted.table_name
union all
select 2, format('alter table lockstep.%I %s', wanted.table_name, string_agg(
    format(
        'alter column %I type %s using %s', wanted.column_name, wanted.type,
        case
            when wanted.is_naive then format(
                '%I::timestamp at time zone %L', wanted.column_name, current_setting('lockstep_desk.zone')
            )
            else format('%I::%s', wanted.column_name, wanted.type)
        end
    ),
    ', ' order by wanted.place
))
from wanted
where wanted.is_there and wanted.type <> wanted.type_there
group by wanted.table_name
order by 1;
