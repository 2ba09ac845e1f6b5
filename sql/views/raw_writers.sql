create or replace view lockstep.raw_writers as
select
    seen.database_role,
    seen.application_name,
    seen.table_name,
    seen.operation,
    case seen.table_name when 'license_progressions' then 'client' else 'raw_sql' end as route,
    sum(seen.statements)::bigint as statements,
    min(seen.first_seen_at) as first_seen_at,
    max(seen.last_seen_at) as last_seen_at
from lockstep.raw_writes as seen
group by seen.database_role, seen.application_name, seen.table_name, seen.operation;

comment on view lockstep.raw_writers is
'Who still writes raw SQL, past the functions: role, application, table, operation, how often, when last.';
comment on column lockstep.raw_writers.route is 'As in the history: raw_sql, or client for remarks.';
comment on column lockstep.raw_writers.operation is 'INSERT, UPDATE or DELETE.';
comment on column lockstep.raw_writers.statements is 'Whatever they changed: XP alone leaves no history, and counts here.';
comment on column lockstep.raw_writers.database_role is 'The role that the statements ran as.';

grant select on lockstep.raw_writers to lockstep_admin, lockstep_readonly;
