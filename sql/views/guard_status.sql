-- after: find_guards
create or replace view lockstep.guard_status as
select
    coalesce(installed.kind, found.kind) as kind,
    coalesce(installed.name, found.name) as name,
    case
        when found.name is null then 'missing'
        when installed.name is null then 'unexpected'
        when installed.definition <> found.definition then 'altered'
        else 'intact'
    end as status,
    installed.definition as as_installed,
    found.definition as as_found
from lockstep.guard_baseline as installed
full outer join lockstep.find_guards() as found
    on found.kind = installed.kind
    and found.name = installed.name;

comment on view lockstep.guard_status is
'The sentinel: every guard as installed against as found. Whatever is not intact is a way round the rules.';
comment on column lockstep.guard_status.status is 'intact, altered, missing or unexpected.';
comment on column lockstep.guard_status.as_installed is 'Null for what no installation put there.';
comment on column lockstep.guard_status.as_found is 'Null for what is gone.';

grant select on lockstep.guard_status to lockstep_coupler, lockstep_admin, lockstep_readonly;
