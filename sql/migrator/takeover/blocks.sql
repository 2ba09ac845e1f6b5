-- What the server has parsed over columns of the old tables, and does not let them change their types under. Views
-- are made again; these are not, because others may stand on them.
with dependent as (
    select distinct dependency.classid, dependency.objid
    from pg_catalog.pg_depend as dependency
    inner join pg_catalog.pg_class as class on class.oid = dependency.refobjid
    where dependency.refclassid = 'pg_class'::regclass
        and dependency.refobjsubid > 0
        and class.relnamespace = 'public'::regnamespace
        and class.relname in (
            'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions'
        )
)

select format('function %s', dependent.objid::regprocedure)
from dependent
where dependent.classid = 'pg_proc'::regclass
union all
select format('policy %s on %s', policy.polname, policy.polrelid::regclass)
from dependent
inner join pg_catalog.pg_policy as policy on policy.oid = dependent.objid
inner join pg_catalog.pg_class as class on class.oid = policy.polrelid
where dependent.classid = 'pg_policy'::regclass
    and not (
        class.relnamespace = 'public'::regnamespace
        and class.relname in (
            'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions'
        )
    )
union all
select format('rule %s on %s', rule.rulename, rule.ev_class::regclass)
from dependent
inner join pg_catalog.pg_rewrite as rule on rule.oid = dependent.objid and rule.rulename <> '_RETURN'
inner join pg_catalog.pg_class as class on class.oid = rule.ev_class
where dependent.classid = 'pg_rewrite'::regclass
    and not (
        class.relnamespace = 'public'::regnamespace
        and class.relname in (
            'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions'
        )
    )
order by 1;
