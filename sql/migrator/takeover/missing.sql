-- What the installer may not do and would have to: each with the SQL by which a superuser, or who owns it, lets them.
-- Nothing for a superuser.
with recursive installer as (
    select role.oid, role.rolname, role.rolcreaterole, current_setting('server_version_num')::integer >= 160000 as needs_admin
    from pg_catalog.pg_roles as role
    where role.rolname = current_user
        and not role.rolsuper
),

old_table as (
    select class.oid, class.relowner
    from pg_catalog.pg_class as class
    where class.relnamespace = 'public'::regnamespace
        and class.relkind = 'r'
        and class.relname in (
            'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions',
            'player_levels', 'coach_levels', 'internship_levels'
        )
),

-- Views over them are dropped and made again; keys of other tables go, or are checked anew.
touched (oid) as (
    select old_table.oid
    from old_table
    union
    select con.conrelid
    from old_table
    inner join pg_catalog.pg_constraint as con on con.confrelid = old_table.oid and con.contype = 'f'
    union
    select rule.ev_class
    from touched
    inner join pg_catalog.pg_depend as dependency
        on dependency.refclassid = 'pg_class'::regclass
        and dependency.refobjid = touched.oid
        and dependency.classid = 'pg_rewrite'::regclass
    inner join pg_catalog.pg_rewrite as rule on rule.oid = dependency.objid and rule.rulename = '_RETURN'
),

owner as (
    select
        class.relowner as oid,
        role.rolsuper as is_super,
        class.relnamespace as namespace,
        array_agg(class.oid::regclass::text order by class.oid::regclass::text) as names
    from touched
    inner join pg_catalog.pg_class as class on class.oid = touched.oid
    inner join pg_catalog.pg_roles as role on role.oid = class.relowner
    group by class.relowner, role.rolsuper, class.relnamespace
),

-- Who used the tables gets another right, a time zone and a path.
old_role as (
    select old_table.relowner as oid
    from old_table
    union
    select acl.grantee
    from old_table
    inner join pg_catalog.pg_class as class on class.oid = old_table.oid
    cross join lateral aclexplode(class.relacl) as acl
),

ours as (
    select role.oid, role.rolname
    from pg_catalog.pg_roles as role
    where role.rolname in ('lockstep_owner', 'lockstep_coupler', 'lockstep_legacy')
),

missing (place, what, remedy) as (
    select
        1, format('%s may not make roles', installer.rolname), format('alter role %I createrole', installer.rolname)
    from installer
    where not installer.rolcreaterole
    union
    select
        2, format('the database %s belongs to %s', db.datname, pg_get_userbyid(db.datdba)),
        format('alter database %I owner to %I', db.datname, installer.rolname)
    from installer
    cross join pg_catalog.pg_database as db
    where db.datname = current_database()
        and not pg_has_role(db.datdba, 'usage')
    union
    select
        3, format('%s belongs to %s', array_to_string(owner.names, ', '), pg_get_userbyid(owner.oid)),
        format('grant %I to %I', pg_get_userbyid(owner.oid), installer.rolname)
    from installer
    cross join owner
    where not owner.is_super
        and not (pg_has_role(owner.oid, 'usage') and pg_has_role(owner.oid, 'member'))
    union
    select
        3, format('%s belongs to %s', own.name, pg_get_userbyid(owner.oid)),
        -- That of a superuser is not granted to anybody.
        format('alter table %s owner to %I', own.name, installer.rolname)
    from installer
    cross join owner
    cross join lateral unnest(owner.names) as own (name)
    where owner.is_super
    union
    select
        4, format('%s may not create in %s', pg_get_userbyid(owner.oid), owner.namespace::regnamespace),
        format('grant create on schema %s to %I', owner.namespace::regnamespace, pg_get_userbyid(owner.oid))
    from installer
    cross join owner
    where not has_schema_privilege(owner.oid, owner.namespace, 'create')
    union
    select
        5, format('%s may not create in public, for the way back', installer.rolname),
        format('grant create on schema public to %I', installer.rolname)
    from installer
    where not has_schema_privilege('public', 'create')
        -- Who owns the database then may.
        and pg_has_role((select db.datdba from pg_catalog.pg_database as db where db.datname = current_database()), 'usage')
    union
    select
        6, format('%s is not %s''s to alter', role.rolname, installer.rolname),
        format('grant %I to %I with admin option', role.rolname, installer.rolname)
    from installer
    inner join old_role on installer.needs_admin and old_role.oid not in (0, installer.oid)
    inner join pg_catalog.pg_roles as role on role.oid = old_role.oid and not role.rolsuper
    where role.rolname not like 'pg\_%'
        and not pg_has_role(role.oid, 'member with admin option')
    union
    select
        7, format('the role %s is there already, and is not %s''s to grant', ours.rolname, installer.rolname),
        format('grant %I to %I with admin option', ours.rolname, installer.rolname)
    from installer
    inner join ours on installer.needs_admin
    where not pg_has_role(ours.oid, 'member with admin option')
)

select missing.what, missing.remedy
from missing
order by missing.place, missing.what;
