-- Functions that return a row of ours, as statements that alter nothing about them: a plan that other sessions keep of a
-- call has the columns of that row, and is not made anew when the table gets another one, but when the function changes.
select format('alter function %s cost %s', proc.oid::regprocedure, proc.procost)
from pg_catalog.pg_proc as proc
inner join pg_catalog.pg_type as type on type.oid = proc.prorettype
where proc.pronamespace = 'lockstep'::regnamespace
    and proc.prokind = 'f'
    and type.typtype = 'c'
    and type.typnamespace = 'lockstep'::regnamespace
    and not exists (
        select from pg_catalog.pg_depend as dependency
        where dependency.classid = proc.tableoid
            and dependency.objid = proc.oid
            and dependency.deptype = 'e'
    );
