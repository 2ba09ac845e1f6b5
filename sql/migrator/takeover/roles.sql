-- The roles that could use the old tables: what they get for it, the SQL that takes it back, and what it is.
-- They keep what they could do to people and specializations; the coupled tables and the history they use
-- as lockstep_legacy, and as nothing more.
with held as (
    select distinct
        role.rolname,
        role.rolcanlogin,
        role.oid,
        role.rolname = table_of.detail ->> 'owner' as is_owner,
        table_of.name as table_name
    from desk_found as table_of
    inner join pg_catalog.pg_roles as role
        on role.rolname = table_of.detail ->> 'owner'
        or table_of.detail -> 'grants' @> jsonb_build_array(jsonb_build_object('role', role.rolname))
    where table_of.kind = 'table'
        and not role.rolsuper
        and role.rolname not like 'lockstep\_%'
        and role.rolname not like 'pg\_%'
),

old_role as (
    select held.rolname, held.oid, held.rolcanlogin
    from held
    group by held.rolname, held.oid, held.rolcanlogin
),

database as (
    select db.oid, db.datname
    from pg_catalog.pg_database as db
    where db.datname = current_database()
),

stored as (
    select
        role.rolname,
        installer.rolsuper
        or role.rolname = installer.rolname
        -- Of another role's settings who made it disposes.
        or (
            not role.rolsuper
            and (
                current_setting('server_version_num')::integer < 160000
                or pg_has_role(role.oid, 'member with admin option')
            )
        ) as may_set,
        stored.setdatabase <> 0 as is_here,
        split_part(setting, '=', 1) as name,
        substr(setting, position('=' in setting) + 1) as value
    from database
    inner join pg_catalog.pg_db_role_setting as stored on stored.setdatabase in (0, database.oid)
    left outer join pg_catalog.pg_roles as role on role.oid = stored.setrole
    inner join pg_catalog.pg_roles as installer on installer.rolname = current_user
    cross join lateral unnest(stored.setconfig) as setting
),

statements (step, statement, undo, told) as (
    select
        10,
        format('grant lockstep_legacy to %I', old_role.rolname),
        case
            when not pg_has_role(old_role.oid, 'lockstep_legacy', 'member')
                then format('revoke lockstep_legacy from %I', old_role.rolname)
        end,
        format('%s: is granted lockstep_legacy', old_role.rolname)
    from old_role
    union all
    select 20, format('revoke all on lockstep.%I from %I', held.table_name, held.rolname), null, null
    from held
    where held.table_name in ('specialization_progress', 'user_licenses', 'license_progressions')
    union all
    select
        20, format('revoke all on lockstep.%I from public', found.name), null,
        format('public: has no right on %s any more', found.name)
    from desk_found as found
    where found.kind = 'table' and found.detail -> 'grants' @> '[{"role": "public"}]'
    union all
    select
        30, format(
            'grant select, insert, update, delete on lockstep.%I to %I',
            case when held.table_name like '%\_levels' then 'legacy_' || held.table_name else held.table_name end,
            held.rolname
        ),
        null,
        format('%s: owned %s, now reads and writes it', held.rolname, held.table_name)
    from held
    where held.is_owner
        and held.table_name not in ('specialization_progress', 'user_licenses', 'license_progressions')
    union all
    select
        40, format(
            'revoke truncate, trigger on lockstep.%I from %I',
            case when held.table_name like '%\_levels' then 'legacy_' || held.table_name else held.table_name end,
            held.rolname
        ), null, null
    from held
    where held.table_name not in ('specialization_progress', 'user_licenses', 'license_progressions')
    union all
    select
        50, format(
            'grant usage, select on sequence %s to %I',
            pg_get_serial_sequence('lockstep.' || (found.detail ->> 'table'), found.detail ->> 'column'), old_role.rolname
        ), null, null
    from desk_found as found
    inner join old_role on found.detail -> 'usage' ? old_role.rolname
    where found.kind = 'sequence' and found.detail ->> 'table' in (
        'users', 'specialization_progress', 'user_licenses', 'license_progressions'
    )
    union all
    -- The short names are found in lockstep first, whatever path somebody has set.
    select
        60,
        case
            when stored.rolname is null
                then format('alter database %I set search_path = lockstep, %s', database.datname, stored.value)
            else format(
                'alter role %I in database %I set search_path = lockstep, %s', stored.rolname, database.datname, stored.value
            )
        end,
        case
            when stored.rolname is null
                then format('alter database %I set search_path = %s', database.datname, stored.value)
            when stored.is_here then format(
                'alter role %I in database %I set search_path = %s', stored.rolname, database.datname, stored.value
            )
            else format('alter role %I in database %I reset search_path', stored.rolname, database.datname)
        end,
        format('%s: search_path was %s, now lockstep comes first', coalesce(stored.rolname, 'the database'), stored.value)
    from stored
    cross join database
    where stored.name = 'search_path'
        and stored.value !~ '\mlockstep\M'
        and coalesce(stored.rolname, '') not like 'lockstep\_%'
        and coalesce(stored.may_set, stored.is_here)
    union all
    -- A time that an old client writes without a zone means what it meant.
    select
        70,
        format(
            'alter role %I in database %I set timezone = %L', old_role.rolname, database.datname,
            current_setting('lockstep_desk.zone')
        ),
        format('alter role %I in database %I reset timezone', old_role.rolname, database.datname),
        format('%s: its sessions have the time zone %s', old_role.rolname, current_setting('lockstep_desk.zone'))
    from old_role
    cross join database
    where not exists (select from stored where stored.rolname = old_role.rolname and lower(stored.name) = 'timezone')
)

select statements.statement, statements.undo, statements.told
from statements
order by statements.step, statements.statement;
