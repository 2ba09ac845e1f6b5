-- What a cluster has to allow before a school is put on it, either way.
do $$
begin
    -- Mirrors write to the counterpart of the row that fired them, on the same shard: what Citus cannot know.
    execute format('alter database %I set citus.enable_unsafe_triggers = on', current_database());
    execute format('alter database %I set citus.allow_nested_distributed_execution = on', current_database());
    -- A transaction that wrote many shards may go on with a table that all nodes have, or be changed by DDL.
    execute format('alter database %I set citus.multi_shard_modify_mode = sequential', current_database());
end
$$;

-- A function runs with its owner's rights, and an admin's page with lockstep_admin's: as that role the nodes call each
-- other. Without a password: let pg_hba.conf know them between the nodes, and nowhere else.
alter role lockstep_admin login;
alter role lockstep_coupler login;
alter role lockstep_owner login;
