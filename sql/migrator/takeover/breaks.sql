-- What of the old SQL does not go on working, as far as the database can see it, before anything is moved.
with pattern (qualified, plain) as (
    values (
        '\mpublic\s*\.\s*"?(users|specializations|specialization_progress|user_licenses|license_progressions'
        || '|player_levels|coach_levels|internship_levels)\M',
        '\m(specialization_progress|user_licenses|license_progressions|player_levels|coach_levels|internship_levels'
        || '|specializations|users)\M'
    )
),

routine as (
    select
        proc.oid::regprocedure::text as name,
        coalesce(pg_get_function_sqlbody(proc.oid), proc.prosrc) as body,
        (
            select substr(setting, length('search_path=') + 1)
            from unnest(proc.proconfig) as setting
            where setting like 'search_path=%'
        ) as path
    from pg_catalog.pg_proc as proc
    inner join pg_catalog.pg_language as language on language.oid = proc.prolang
    inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
    where language.lanname not in ('c', 'internal')
        and namespace.nspname not in ('pg_catalog', 'information_schema', 'lockstep')
        and not exists (
            select from pg_catalog.pg_depend as dependency
            where dependency.classid = 'pg_proc'::regclass and dependency.objid = proc.oid and dependency.deptype = 'e'
        )
)

select 'breaks' as part, 'function ' || routine.name as subject, 'says public.: ' || (
    select string_agg(distinct lower(found[1]), ', ')
    from regexp_matches(routine.body, pattern.qualified, 'gi') as found
) as detail
from routine
cross join pattern
where routine.body ~* pattern.qualified

union all
select 'breaks', 'function ' || routine.name, format('its own search_path is %s, without lockstep', routine.path)
from routine
cross join pattern
where routine.path is not null
    and routine.path !~ '\mlockstep\M'
    and routine.body ~* pattern.plain
    and routine.body !~* pattern.qualified

union all
select
    'breaks', found.kind || ' ' || found.name,
    format('points at what is no key of its own any more: it is dropped: %s', found.detail ->> 'definition')
from desk_found as found
where found.kind = 'key of another table'

union all
select
    'breaks', found.kind || ' ' || found.name,
    'does not run any more: ' || coalesce(found.detail ->> 'definition', 'its rights are those of lockstep_legacy now')
from desk_found as found
where found.kind in ('trigger', 'rule', 'policy')

union all
select
    'breaks', 'table ' || desk.name,
    format('is a view now, to read only; the old rows stand in legacy_%s', desk.name)
from desk_table as desk
where not desk.is_shaped

union all
select 'breaks', format('table %s', keyed.table_name), format(
    '"on conflict (%s)" finds no such key', keyed.names
)
from (
    select distinct desk.name as table_name, index_of.names
    from desk_table as desk
    inner join pg_catalog.pg_index as index on index.indrelid = desk.catalog and index.indisunique
    cross join lateral (
        select string_agg(att.attname, ', ' order by att.attnum) as names
        from pg_catalog.pg_attribute as att
        where att.attrelid = desk.catalog and att.attnum = any(index.indkey)
    ) as index_of
    where desk.is_shaped
) as keyed
where (keyed.table_name, keyed.names) not in (
    ('users', 'id'), ('specializations', 'id'),
    ('specialization_progress', 'student_id, specialization_id'), ('user_licenses', 'user_id, specialization_type')
)

union all
select
    'breaks', format('column %s', found.name),
    format('comes as %s, was %s', format_type(model.atttypid, model.atttypmod), found.detail ->> 'type')
from desk_found as found
inner join pg_catalog.pg_attribute as model
    on model.attrelid = to_regclass('lockstep_model.' || (found.detail ->> 'table'))
    and model.attname = found.detail ->> 'column'
where found.kind = 'column'
    and format_type(model.atttypid, model.atttypmod) <> found.detail ->> 'type'
    -- A wider figure or a longer text is read as the narrower one was.
    and (found.detail ->> 'type') !~ '^(integer|bigint|smallint|character varying.*|numeric.*)$'

union all
select 'breaks', format('role %s', role.rolname), format(
    'its search_path is %s, without lockstep, and not ours to change',
    substr(setting.text, position('=' in setting.text) + 1)
)
from pg_catalog.pg_db_role_setting as stored
inner join pg_catalog.pg_roles as role on role.oid = stored.setrole
inner join pg_catalog.pg_roles as installer on installer.rolname = current_user
cross join lateral unnest(stored.setconfig) as setting (text)
where stored.setdatabase in (0, (select db.oid from pg_catalog.pg_database as db where db.datname = current_database()))
    and setting.text like 'search_path=%'
    and setting.text !~ '\mlockstep\M'
    and role.rolname not like 'lockstep\_%'
    and not installer.rolsuper
    and role.oid <> installer.oid
    and (
        role.rolsuper
        or (
            current_setting('server_version_num')::integer >= 160000
            and not pg_has_role(role.oid, 'member with admin option')
        )
    )

union all
select 'breaks', 'session of ' || activity.usename, format(
    '%s connected now%s: they find the tables after they connect again',
    count(*),
    ' as ' || nullif(activity.application_name, '')
)
from pg_catalog.pg_stat_activity as activity
where activity.datname = current_database()
    and activity.pid <> pg_backend_pid()
    and activity.backend_type = 'client backend'
group by activity.usename, activity.application_name

order by 1, 2, 3;
