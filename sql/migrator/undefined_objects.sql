-- Functions, triggers, policies and views that this transaction has not defined, as the statements
-- that drop them. A row of the catalog that was written here has this transaction in xmin, so no
-- file need be parsed to know what it defines. Views lose their bodies first: a view may call a
-- function, and a function may return a view's row, and still nothing is dropped by CASCADE.
with extension_member as (
    select dependency.classid as catalog, dependency.objid as oid
    from pg_catalog.pg_depend as dependency
    where dependency.deptype = 'e'
),

stale_view as (
    select class.oid
    from pg_catalog.pg_class as class
    inner join pg_catalog.pg_rewrite as body on body.ev_class = class.oid and body.rulename = '_RETURN'
    where class.relnamespace = 'lockstep'::regnamespace
        and class.relkind = 'v'
        and body.xmin <> pg_current_xact_id()::xid
        and (class.tableoid, class.oid) not in (
            select extension_member.catalog, extension_member.oid from extension_member
        )
),

-- The reports over all schools stand on views of each; `school report` makes them anew.
report as (
    select distinct body.ev_class::regclass as view_name
    from pg_catalog.pg_depend as dependency
    inner join pg_catalog.pg_rewrite as body on body.oid = dependency.objid
    inner join pg_catalog.pg_class as class on class.oid = body.ev_class
    where dependency.classid = 'pg_rewrite'::regclass
        and dependency.refobjid in (select stale_view.oid from stale_view)
        and class.relnamespace = to_regnamespace('school_reports')
),

empty_body as (
    select
        att.attrelid::regclass as view_name,
        string_agg(
            format(
                'null::%s%s as %I',
                format_type(att.atttypid, att.atttypmod),
                case when att.attcollation <> type.typcollation then ' collate ' || att.attcollation::regcollation end,
                att.attname
            ),
            ', ' order by att.attnum
        ) as columns
    from pg_catalog.pg_attribute as att
    inner join pg_catalog.pg_type as type on type.oid = att.atttypid
    where att.attrelid in (select stale_view.oid from stale_view) and att.attnum > 0
    group by att.attrelid
),

statements (step, statement) as (
    select 1, format('drop trigger %I on %s', tg.tgname, tg.tgrelid::regclass)
    from pg_catalog.pg_trigger as tg
    inner join pg_catalog.pg_class as class on class.oid = tg.tgrelid
    where class.relnamespace = 'lockstep'::regnamespace
        and not tg.tgisinternal
        and tg.tgparentid = 0
        and tg.xmin <> pg_current_xact_id()::xid
    union all
    select 2, format('drop policy %I on %s', pol.polname, pol.polrelid::regclass)
    from pg_catalog.pg_policy as pol
    inner join pg_catalog.pg_class as class on class.oid = pol.polrelid
    where class.relnamespace = 'lockstep'::regnamespace and pol.xmin <> pg_current_xact_id()::xid
    union all
    select 3, format('create or replace view %s as select %s', empty_body.view_name, empty_body.columns)
    from empty_body
    union all
    select 2, 'drop view ' || string_agg(report.view_name::text, ', ')
    from report
    union all
    select 4, 'drop routine ' || string_agg(proc.oid::regprocedure::text, ', ')
    from pg_catalog.pg_proc as proc
    where proc.pronamespace = 'lockstep'::regnamespace
        and proc.xmin <> pg_current_xact_id()::xid
        and (proc.tableoid, proc.oid) not in (
            select extension_member.catalog, extension_member.oid from extension_member
        )
    union all
    select 5, 'drop view ' || string_agg(stale_view.oid::regclass::text, ', ')
    from stale_view
)

select statements.statement
from statements
where statements.statement is not null
order by statements.step;
