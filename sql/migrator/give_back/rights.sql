-- The statements that take every right on the tables away, before those that stood there are given again.
select format(
    'revoke all on %s from %s', class.oid::regclass,
    case when acl.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(acl.grantee)) end
)
from pg_catalog.pg_class as class
cross join lateral aclexplode(class.relacl) as acl
where class.relnamespace = 'public'::regnamespace
    and class.relkind = 'r'
    and class.relname in (select found.name from desk_found as found where found.kind = 'table')
group by class.oid, acl.grantee;
