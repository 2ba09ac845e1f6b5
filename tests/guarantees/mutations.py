"""Takes away or alters each guard that the sentinel knows, and says what must be named then."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.guarantees.hostile import Connection, run

Guard = tuple[str, str]

# Which catalog row each guard is, found otherwise than the sentinel finds it. A column goes with its
# table; an owner and a grant go with what they are of.
ADDRESSES = """
create view attack.address (kind, name, class_id, object_id) as
with relation as (
    select oid, relname, relkind from pg_class where relnamespace = 'lockstep'::regnamespace
),

routine as (
    select oid, format('%s(%s)', proname, pg_get_function_identity_arguments(oid)) as name
    from pg_proc where pronamespace = 'lockstep'::regnamespace
),

owned (name, class_id, object_id) as (
    select relname::text, 'pg_class'::regclass, oid from relation where relkind in ('r', 'v')
    union all
    select name, 'pg_proc'::regclass, oid from routine
)

select case relkind when 'v' then 'view' else 'table' end, relname::text, 'pg_class'::regclass, oid
from relation where relkind in ('r', 'v')
union all
select 'function', name, 'pg_proc'::regclass, oid from routine
union all
select 'owner', name, class_id, object_id from owned
union all
select baseline.kind, baseline.name, owned.class_id, owned.object_id
from lockstep.guard_baseline as baseline
inner join owned
    on strpos(baseline.name, format(' on %s to ', owned.name)) > 0
    or strpos(baseline.name, format(' on %s.', owned.name)) > 0
where baseline.kind = 'grant'
union all
select 'column', format('%s.%s', relname, attname), 'pg_class'::regclass, oid
from relation inner join pg_attribute on attrelid = oid and attnum > 0 and not attisdropped
where relkind = 'r'
union all
select 'constraint', format('%s on %s', con.conname, relation.relname), 'pg_constraint'::regclass, con.oid
from pg_constraint as con inner join relation on relation.oid = con.conrelid
union all
select 'index', relname, 'pg_class'::regclass, oid from relation where relkind = 'i'
union all
select 'key trigger', format('%s: %s on %s', con.conname, proc.proname, trig.tgrelid::regclass),
    'pg_trigger'::regclass, trig.oid
from pg_trigger as trig
inner join pg_constraint as con on con.oid = trig.tgconstraint
inner join pg_proc as proc on proc.oid = trig.tgfoid
where trig.tgisinternal
union all
select 'trigger', format('%s on %s', trig.tgname, relation.relname), 'pg_trigger'::regclass, trig.oid
from pg_trigger as trig inner join relation on relation.oid = trig.tgrelid
where not trig.tgisinternal
union all
select 'policy', format('%s on %s', pol.polname, relation.relname), 'pg_policy'::regclass, pol.oid
from pg_policy as pol inner join relation on relation.oid = pol.polrelid
"""

# What DROP … CASCADE takes with it, as the server's own book of dependencies has it.
GONE_TOO = """
with recursive gone (class_id, object_id) as (
    select %s::regclass::oid, %s::oid
    union
    select other.class_id, other.object_id
    from gone
    inner join pg_depend as dependency
        on (dependency.refclassid = gone.class_id and dependency.refobjid = gone.object_id)
        or (dependency.classid = gone.class_id and dependency.objid = gone.object_id and dependency.deptype = 'i')
    cross join lateral (
        select dependency.classid, dependency.objid
        where dependency.refclassid = gone.class_id and dependency.refobjid = gone.object_id
        union all
        select dependency.refclassid, dependency.refobjid
        where dependency.classid = gone.class_id and dependency.objid = gone.object_id and dependency.deptype = 'i'
    ) as other (class_id, object_id)
)

select address.kind, address.name
from gone
inner join attack.address on address.class_id = gone.class_id and address.object_id = gone.object_id
"""

# Statements that alter exactly one guard, by kind: rows of what is done, the guard's name, the statement.
ALTERATIONS = {
    "table": """
        select 'row security', relname, format(
            'alter table %s %s row level security', oid::regclass,
            case when relrowsecurity then 'disable' else 'enable' end
        )
        from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'r'
        union all
        select 'set logged or unlogged by an edit of the catalog', relname, format(
            'update pg_class set relpersistence = %L where oid = %s',
            case relpersistence when 'p' then 'u' else 'p' end, oid
        )
        from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'r'
        union all
        select 'told that it has no triggers', relname,
            format('update pg_class set relhastriggers = false where oid = %s', oid)
        from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'r' and relhastriggers
            and exists (select from pg_trigger where tgrelid = pg_class.oid)
        union all
        select 'told that it has no indexes', relname,
            format('update pg_class set relhasindex = false where oid = %s', oid)
        from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'r' and relhasindex
            and relname <> 'guard_baseline'
    """,
    "view": """
        select 'other text', relname, format(
            'create or replace view %s as select * from (%s) as original',
            oid::regclass, rtrim(pg_get_viewdef(oid), ';')
        )
        from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'v'
        union all
        select 'with the rights of who looks', relname,
            format('alter view %s set (security_invoker = true)', oid::regclass)
        from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'v'
    """,
    "column": """
        select
            case
                when attidentity <> '' then 'identity'
                when attgenerated <> '' then 'no longer generated'
                when adbin is not null then 'no default'
                else 'a default'
            end,
            format('%s.%s', relname, attname),
            format('alter table %s alter column %I ', attrelid::regclass, attname) || case
                when attidentity = 'd' then 'set generated always'
                when attidentity = 'a' then 'set generated by default'
                when attgenerated <> '' then 'drop expression'
                when adbin is not null then 'drop default'
                when typcategory = 'A' then 'set default ''{}'''
                when typname in ('text', 'bpchar', 'bytea') then 'set default ''attack'''
                when typname = 'jsonb' then 'set default ''{}'''
                when typname = 'uuid' then 'set default gen_random_uuid()'
                when typname = 'inet' then 'set default ''127.0.0.1'''
                when typname = 'interval' then 'set default ''1 s'''
                when typname = 'bool' then 'set default true'
                when typname in ('timestamptz', 'timestamp') then 'set default now()'
                when typname in ('int2', 'int4', 'int8', 'numeric', 'float8', 'oid', 'xid8', 'xid')
                    then 'set default ''7'''
                when typtype = 'e' then format('set default %L', (
                    select min(enumlabel) from pg_enum where enumtypid = atttypid
                ))
                else 'set default null::' || typname
            end
        from pg_attribute
        inner join pg_class on pg_class.oid = attrelid and relnamespace = 'lockstep'::regnamespace and relkind = 'r'
        inner join pg_type on pg_type.oid = atttypid
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attnum > 0 and not attisdropped
        union all
        select 'may be null', format('%s.%s', relname, attname),
            format('alter table %s alter column %I drop not null', attrelid::regclass, attname)
        from pg_attribute
        inner join pg_class on pg_class.oid = attrelid and relnamespace = 'lockstep'::regnamespace and relkind = 'r'
        where attnum > 0 and not attisdropped and attnotnull and attidentity = ''
            and not exists (
                select from pg_index where indrelid = attrelid and indisprimary and attnum = any(indkey::int2[])
            )
    """,
    "constraint": """
        select 'not validated, by an edit of the catalog', format('%s on %s', con.conname, relname),
            format('update pg_constraint set convalidated = false where oid = %s', con.oid)
        from pg_constraint as con
        inner join pg_class on pg_class.oid = con.conrelid and relnamespace = 'lockstep'::regnamespace
        where con.contype in ('c', 'f', 'p', 'u', 'x')
    """,
    "index": """
        select 'invalid, by an edit of the catalog', relname,
            format('update pg_index set indisvalid = false where indexrelid = %s', oid)
        from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'i'
    """,
    "key trigger": """
        select 'disabled', format('%s: %s on %s', con.conname, proname, tgrelid::regclass),
            format('alter table %s disable trigger %I', tgrelid::regclass, tgname)
        from pg_trigger inner join pg_constraint as con on con.oid = tgconstraint
        inner join pg_proc on pg_proc.oid = tgfoid
        inner join pg_class on pg_class.oid = con.conrelid and relnamespace = 'lockstep'::regnamespace
        where tgisinternal
        union all
        select 'other firing mode', format('%s: %s on %s', con.conname, proname, tgrelid::regclass),
            format(
                'alter table %s enable %s trigger %I', tgrelid::regclass,
                case tgenabled when 'A' then '' else 'always' end, tgname
            )
        from pg_trigger inner join pg_constraint as con on con.oid = tgconstraint
        inner join pg_proc on pg_proc.oid = tgfoid
        inner join pg_class on pg_class.oid = con.conrelid and relnamespace = 'lockstep'::regnamespace
        where tgisinternal
        union all
        select 'other event, by an edit of the catalog',
            format('%s: %s on %s', con.conname, proname, tgrelid::regclass),
            format('update pg_trigger set tgtype = 1 where oid = %s', pg_trigger.oid)
        from pg_trigger inner join pg_constraint as con on con.oid = tgconstraint
        inner join pg_proc on pg_proc.oid = tgfoid
        inner join pg_class on pg_class.oid = con.conrelid and relnamespace = 'lockstep'::regnamespace
        where tgisinternal
    """,
    "trigger": """
        select done.what, format('%s on %s', tgname, relname), format(done.statement, tgrelid::regclass, tgname)
        from pg_trigger
        inner join pg_class on pg_class.oid = tgrelid and relnamespace = 'lockstep'::regnamespace
        cross join (
            values
                ('disabled', 'alter table %s disable trigger %I'),
                ('fires always', 'alter table %s enable always trigger %I'),
                ('fires under the replica role only', 'alter table %s enable replica trigger %I'),
                ('dropped', 'drop trigger %2$I on %1$s')
        ) as done (what, statement)
        where not tgisinternal
    """,
    "function": r"""
        select 'other body', format('%s(%s)', proname, pg_get_function_identity_arguments(oid)),
            regexp_replace(pg_get_functiondef(oid), '(AS \$(function|procedure)\$)', '\1 /* attack */ ')
        from pg_proc where pronamespace = 'lockstep'::regnamespace and prokind in ('f', 'p')
        union all
        select 'other rights', format('%s(%s)', proname, pg_get_function_identity_arguments(oid)),
            format(
                'alter routine %s security %s', oid::regprocedure,
                case when prosecdef then 'invoker' else 'definer' end
            )
        from pg_proc where pronamespace = 'lockstep'::regnamespace and proname <> 'find_guards'
        union all
        select 'no search_path', format('%s(%s)', proname, pg_get_function_identity_arguments(oid)),
            format('alter routine %s reset all', oid::regprocedure)
        from pg_proc
        where pronamespace = 'lockstep'::regnamespace and proconfig is not null and proname <> 'find_guards'
    """,
    "policy": """
        select 'dropped', format('%s on %s', polname, relname),
            format('drop policy %I on %s', polname, polrelid::regclass)
        from pg_policy inner join pg_class on pg_class.oid = polrelid and relnamespace = 'lockstep'::regnamespace
        union all
        select 'for another role', format('%s on %s', polname, relname),
            format('alter policy %I on %s to lockstep_readonly', polname, polrelid::regclass)
        from pg_policy inner join pg_class on pg_class.oid = polrelid and relnamespace = 'lockstep'::regnamespace
    """,
    "role": """
        select attribute, rolname, format('alter role %I %s', rolname, attribute)
        from pg_roles
        cross join unnest(array['login', 'superuser', 'bypassrls', 'replication', 'createrole']) as attribute
        where rolname in (
            'lockstep_owner', 'lockstep_coupler', 'lockstep_app',
            'lockstep_admin', 'lockstep_auth', 'lockstep_readonly', 'lockstep_legacy'
        )
    """,
    "membership": """
        select 'revoked', format('%s in %s', member::regrole, roleid::regrole),
            format('revoke %s from %s', roleid::regrole, member::regrole)
        from pg_auth_members
        where member::regrole::text = 'lockstep_coupler'
    """,
}

# Of these one at a time, as of whatever can be dropped; of the others all of a kind at once.
IN_TURN = {
    "key trigger: disabled",
    "trigger: dropped",
    "policy: dropped",
    "role: login",
}

# The same for all grants of one object: what is done, the object, the guard's name, the statement.
GRANTS = """
with acl_of (what, name, acl) as (
    select 'schema lockstep', 'schema lockstep'::text, aclexplode(nspacl) from pg_namespace where nspname = 'lockstep'
    union all
    select oid::regclass::text, relname, aclexplode(coalesce(relacl, acldefault('r', relowner)))
    from pg_class where relnamespace = 'lockstep'::regnamespace and relkind in ('r', 'v')
    union all
    select format('%s|%I', attrelid::regclass, attname), format('%s.%s', relname, attname), aclexplode(attacl)
    from pg_attribute inner join pg_class on pg_class.oid = attrelid and relnamespace = 'lockstep'::regnamespace
    union all
    select 'routine ' || oid::regprocedure, format('%s(%s)', proname, pg_get_function_identity_arguments(oid)),
        aclexplode(coalesce(proacl, acldefault('f', proowner)))
    from pg_proc where pronamespace = 'lockstep'::regnamespace
),

granted as (
    select
        what, name, (acl).grantee,
        (acl).privilege_type
        || case when what like '%|%' then format(' (%s)', split_part(what, '|', 2)) else '' end as right,
        split_part(what, '|', 1) as object,
        format(
            '%s on %s to %s', (acl).privilege_type, name,
            case when (acl).grantee = 0 then 'public' else (acl).grantee::regrole::text end
        ) as guard,
        case when (acl).grantee = 0 then 'public' else (acl).grantee::regrole::text end as to_role
    from acl_of
)

select 'revoked', what, guard, format('revoke %s on %s from %s cascade', granted.right, object, to_role) from granted
union all
select 'with grant option', what, guard,
    format('grant %s on %s to %s with grant option', granted.right, object, to_role)
from granted
where grantee <> 0
    and not exists (select from pg_roles where oid = grantee and rolname in ('lockstep_owner', 'lockstep_coupler'))
"""

# What cannot go alone, or takes others with it: the guard, its catalog row, the statement.
DROPS = """
select case relkind when 'v' then 'view' else 'table' end, relname::text, 'pg_class', oid,
    format('drop %s %s cascade', case relkind when 'v' then 'view' else 'table' end, oid::regclass)
from pg_class where relnamespace = 'lockstep'::regnamespace and relkind in ('r', 'v')
union all
select 'function', format('%s(%s)', proname, pg_get_function_identity_arguments(oid)), 'pg_proc', oid,
    format('drop routine %s cascade', oid::regprocedure)
from pg_proc where pronamespace = 'lockstep'::regnamespace
union all
select 'constraint', format('%s on %s', con.conname, relname), 'pg_constraint', con.oid,
    format('alter table %s drop constraint %I cascade', conrelid::regclass, con.conname)
from pg_constraint as con
inner join pg_class on pg_class.oid = con.conrelid and relnamespace = 'lockstep'::regnamespace
where con.contype in ('c', 'f', 'p', 'u', 'x')
union all
select 'index', relname, 'pg_class', oid, format('drop index %s', oid::regclass)
from pg_class where relnamespace = 'lockstep'::regnamespace and relkind = 'i'
    and not exists (select from pg_constraint where conindid = pg_class.oid and contype in ('p', 'u', 'x'))
"""

OWNERS = """
select relname::text,
    format('alter %s %s owner to postgres', case relkind when 'v' then 'view' else 'table' end, oid::regclass)
from pg_class where relnamespace = 'lockstep'::regnamespace and relkind in ('r', 'v') and relname <> 'guard_baseline'
union all
select format('%s(%s)', proname, pg_get_function_identity_arguments(oid)),
    format('alter routine %s owner to postgres', oid::regprocedure)
from pg_proc where pronamespace = 'lockstep'::regnamespace
"""


@dataclass(frozen=True)
class Mutation:
    """Something done to guards: which must be named then, and which may be, for they go with them."""

    what: str
    statements: tuple[str, ...]
    must: frozenset[Guard]
    may: frozenset[Guard] = frozenset()


def mutations(connection: Connection) -> Iterator[Mutation]:
    """Each guard of an installation, taken away or altered in every way above."""
    run(connection, "create schema attack", ADDRESSES)
    yield from alterations(connection)
    yield from grants(connection)
    for kind, name, catalog, oid, statement in connection.execute(DROPS).fetchall():
        yield Mutation(
            "dropped", (statement,), frozenset([(kind, name)]), frozenset(connection.execute(GONE_TOO, [catalog, oid]))
        )
    yield Mutation(
        "other owner of the baseline",
        ("alter table lockstep.guard_baseline owner to postgres",),
        frozenset([("owner", "guard_baseline")]),
    )
    # Here the owner's own grants pass to the new one.
    owners = connection.execute(OWNERS).fetchall()
    own_grants = [
        (str(kind), str(guard))
        for kind, guard in connection.execute("select kind, name from attack.address where kind = 'grant'")
    ]
    yield Mutation(
        "other owner",
        tuple(statement for _, statement in owners),
        frozenset(("owner", name) for name, _ in owners),
        frozenset(own_grants + [(kind, f"{guard.rpartition(' to ')[0]} to postgres") for kind, guard in own_grants]),
    )


def alterations(connection: Connection) -> Iterator[Mutation]:
    """One guard at a time."""
    for kind, query in ALTERATIONS.items():
        together: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for what, name, statement in connection.execute(query.encode()).fetchall():
            label = f"{kind}: {what}"
            if label in IN_TURN:
                yield Mutation(label, (statement,), frozenset([(kind, name)]))
            else:
                together[label].append((name, statement))
        for label, altered in together.items():
            yield Mutation(
                label,
                tuple(statement for _, statement in altered),
                frozenset((kind, name) for name, _ in altered),
            )
    yield Mutation(
        "schema: other owner",
        ("alter schema lockstep owner to lockstep_admin",),
        frozenset([("owner", "schema lockstep")]),
        frozenset(
            ("grant", f"{right} on schema lockstep to {role}")
            for right in ("USAGE", "CREATE")
            for role in ("postgres", "lockstep_owner", "lockstep_admin")
        ),
    )


def grants(connection: Connection) -> Iterator[Mutation]:
    """Those on one object at a time, revoked: there are hundreds; then all with grant option."""
    together: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for what, object_, guard, statement in connection.execute(GRANTS.encode()).fetchall():
        together[what, object_ if what == "revoked" else "everything"].append((guard, statement))
    for (what, object_), of_it in together.items():
        yield Mutation(
            f"grants {what} on {object_}",
            tuple(statement for _, statement in of_it),
            frozenset(("grant", guard) for guard, _ in of_it),
        )
