-- Roles (C4). Roles belong to the cluster: another database of it may have made them already.
-- None can log in; a login role is granted one of them by whoever runs the server. From here on the
-- migrator hands what the schema holds to lockstep_owner, after each migration.

do $$
declare
    v_role text;
begin
    foreach v_role in array array[
        'lockstep_owner', 'lockstep_coupler', 'lockstep_app',
        'lockstep_admin', 'lockstep_readonly', 'lockstep_legacy'
    ]
    loop
        begin
            execute format('create role %I nologin', v_role);
        exception
            when duplicate_object or unique_violation then
                raise debug 'role % is there already', v_role;
        end;
    end loop;

    -- The installer hands objects to these two, so it must be a member of them.
    if not (select usesuper from pg_catalog.pg_user where usename = current_user) then
        execute format('grant lockstep_owner, lockstep_coupler to %I', current_user);
    end if;
end
$$;

-- The new owner of a schema needs CREATE on the database: lent for this moment.
do $$
begin
    execute format('grant create on database %I to lockstep_owner', current_database());
    alter schema lockstep owner to lockstep_owner;
    execute format('revoke create on database %I from lockstep_owner', current_database());
exception
    when insufficient_privilege then
        raise notice 'the schema stays with %, who may not give it to lockstep_owner', current_user;
end
$$;

grant usage on schema lockstep
to lockstep_owner, lockstep_coupler, lockstep_app, lockstep_admin, lockstep_readonly, lockstep_legacy;

-- What the writing functions may do, and nothing else.
grant select on lockstep.users, lockstep.specializations, lockstep.specialization_levels,
lockstep.specialization_progress, lockstep.user_licenses, lockstep.license_progressions
to lockstep_coupler;
grant insert, update, delete on lockstep.specialization_progress, lockstep.user_licenses to lockstep_coupler;
grant insert on lockstep.license_progressions to lockstep_coupler;
grant update (max_levels, updated_at) on lockstep.specializations to lockstep_coupler;
-- A row lock on a user asks for the right to update one column.
grant update (updated_at) on lockstep.users to lockstep_coupler;

-- What deployment_report() reads of the migrator's own tables.
grant select on lockstep.schema_migrations to lockstep_coupler;

-- An old application's plain SQL.
grant select, insert, update, delete on lockstep.specialization_progress, lockstep.user_licenses
to lockstep_legacy;
grant select, insert on lockstep.license_progressions to lockstep_legacy;
grant select on lockstep.users, lockstep.specializations, lockstep.specialization_levels to lockstep_legacy;

-- The lock-order hook: its policies come with lock_progress_first(). Until they are loaded,
-- nobody but the owner sees a license.
alter table lockstep.user_licenses enable row level security;
