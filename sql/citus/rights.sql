-- A row is numbered on a cluster with the rights of whoever adds it, not of the table's owner.
grant usage on all sequences in schema lockstep to lockstep_coupler;

-- A view over distributed tables is read with the rights of whoever asks, not of the view's owner. So functions and
-- admins may read the columns that their views read, and no other. Who only reads gets none: beside what a view shows
-- of people they would see what it leaves out.
do $$
declare
    v_columns text;
    v_table regclass;
    v_role regrole;
begin
    for v_table, v_role, v_columns in
        with recursive source as (
            select class.oid as seen, acl.grantee, class.oid as relation, 0 as field
            from pg_catalog.pg_class as class
            cross join lateral aclexplode(class.relacl) as acl
            where class.relnamespace = 'lockstep'::regnamespace
                and class.relkind = 'v'
                and acl.grantee in ('lockstep_admin'::regrole, 'lockstep_coupler'::regrole)
                and acl.privilege_type = 'SELECT'
            union
            select source.seen, source.grantee, dependency.refobjid, dependency.refobjsubid
            from source
            inner join pg_catalog.pg_rewrite as rule on rule.ev_class = source.relation
            inner join pg_catalog.pg_depend as dependency
                on dependency.classid = 'pg_rewrite'::regclass
                and dependency.objid = rule.oid
                and dependency.refclassid = 'pg_class'::regclass
        )

        select source.relation, source.grantee, string_agg(distinct quote_ident(att.attname), ', ')
        from source
        inner join pg_catalog.pg_class as class on class.oid = source.relation and class.relkind = 'r'
        left outer join pg_catalog.pg_attribute as att on att.attrelid = source.relation and att.attnum = source.field
            and source.field > 0
        where source.seen in (
            select over_nodes.seen
            from source as over_nodes
            inner join pg_catalog.pg_dist_partition as part on part.logicalrelid = over_nodes.relation
        )
        group by source.relation, source.grantee
    loop
        execute format('grant select%s on %s to %s', coalesce(' (' || v_columns || ')', ''), v_table, v_role);
    end loop;
end
$$;
