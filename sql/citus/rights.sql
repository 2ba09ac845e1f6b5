-- A view is read on a cluster with the rights of whoever asks, not of the view's owner, and a row is numbered with
-- those of whoever adds it. So functions need them for what they read and number; nobody logs in as their role.
grant select on all tables in schema lockstep to lockstep_coupler;
grant usage on all sequences in schema lockstep to lockstep_coupler;

-- Admins read the tables beneath their views. Others read no view there: it would show them the words of people.
do $$
declare
    v_table regclass;
begin
    for v_table in
        with recursive source as (
            select class.oid
            from pg_catalog.pg_class as class
            cross join lateral aclexplode(class.relacl) as acl
            where class.relnamespace = 'lockstep'::regnamespace
                and class.relkind = 'v'
                and acl.grantee = 'lockstep_admin'::regrole
                and acl.privilege_type = 'SELECT'
            union
            select dependency.refobjid
            from source
            inner join pg_catalog.pg_rewrite as rule on rule.ev_class = source.oid
            inner join pg_catalog.pg_depend as dependency
                on dependency.classid = 'pg_rewrite'::regclass
                and dependency.objid = rule.oid
                and dependency.refclassid = 'pg_class'::regclass
        )

        select source.oid
        from source
        inner join pg_catalog.pg_class as class on class.oid = source.oid
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind = 'r'
    loop
        execute format('grant select on %s to lockstep_admin', v_table);
    end loop;
end
$$;
