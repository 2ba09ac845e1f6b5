-- Functions that run with their owner's rights belong to lockstep_coupler, everything else to
-- lockstep_owner: once the roles' migration has let lockstep_owner into the schema, not before.
-- A row for each role: may it create in the schema, and what gives it what is due to it.
with object (kind, catalog, oid, name, owner, due) as (
    select
        case class.relkind when 'v' then 'view' when 'S' then 'sequence' when 'c' then 'type' else 'table' end,
        class.tableoid,
        class.oid,
        class.oid::regclass::text,
        class.relowner,
        'lockstep_owner'
    from pg_catalog.pg_class as class
    where class.relnamespace = 'lockstep'::regnamespace
        and class.relkind in ('r', 'p', 'f', 'v', 'S', 'c')
        and not exists (
            -- A column's sequence follows its table.
            select from pg_catalog.pg_depend as dependency
            where class.relkind = 'S'
                and dependency.classid = class.tableoid
                and dependency.objid = class.oid
                and dependency.deptype in ('a', 'i')
        )
    union all
    select 'type', type.tableoid, type.oid, type.oid::regtype::text, type.typowner, 'lockstep_owner'
    from pg_catalog.pg_type as type
    where type.typnamespace = 'lockstep'::regnamespace and type.typtype in ('d', 'e', 'r')
    union all
    select
        'routine',
        proc.tableoid,
        proc.oid,
        proc.oid::regprocedure::text,
        proc.proowner,
        case when proc.prosecdef then 'lockstep_coupler' else 'lockstep_owner' end
    from pg_catalog.pg_proc as proc
    where proc.pronamespace = 'lockstep'::regnamespace
)

select
    object.due,
    has_schema_privilege(role.oid, 'lockstep', 'create'),
    string_agg(format('alter %s %s owner to %I', object.kind, object.name, object.due), '; ')
from object
inner join pg_catalog.pg_roles as role on role.rolname = object.due
where object.owner <> role.oid
    and (object.catalog, object.oid) not in (
        select dependency.classid, dependency.objid
        from pg_catalog.pg_depend as dependency
        where dependency.deptype = 'e'
    )
    and exists (
        select from pg_catalog.pg_roles as let_in
        where let_in.rolname = 'lockstep_owner' and has_schema_privilege(let_in.oid, 'lockstep', 'usage')
    )
group by object.due, role.oid;
