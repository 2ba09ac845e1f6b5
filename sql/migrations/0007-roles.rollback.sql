alter table lockstep.user_licenses disable row level security;

-- The roles stay: they belong to the cluster, and another database of it may use them.
do $$
begin
    execute format('reassign owned by lockstep_owner, lockstep_coupler to %I', current_user);
end
$$;

revoke all on all tables in schema lockstep
from lockstep_coupler, lockstep_app, lockstep_admin, lockstep_readonly, lockstep_legacy;
revoke all on schema lockstep
from lockstep_owner, lockstep_coupler, lockstep_app, lockstep_admin, lockstep_readonly, lockstep_legacy;
