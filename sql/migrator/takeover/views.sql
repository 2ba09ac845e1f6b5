-- Of the views over the moved tables: how each is made again, now that the catalog prints the new names.
select
    format('drop %s %s', found.kind, found.object::regclass),
    concat_ws(
        '; ',
        format(
            'create %s %s%s as %s', found.kind, found.object::regclass,
            ' with (' || array_to_string(class.reloptions, ', ') || ')',
            rtrim(pg_get_viewdef(class.oid), ';')
        ),
        nullif(found.detail ->> 'after', '')
    ),
    found.name
from desk_found as found
inner join pg_catalog.pg_class as class on class.oid = found.object
where found.kind in ('view', 'materialized view')
order by (found.detail ->> 'depth')::integer desc, found.name;
