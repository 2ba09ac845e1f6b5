create or replace function lockstep.restore_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_expected_version integer default null
)
returns lockstep.project_state
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_locked lockstep.locked_project;
    v_project lockstep.projects;
begin
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'ADMIN', p_deleted => true);
    v_project := v_locked.project;

    if v_project.deleted_at is not null then
        -- Nobody overwrites anything here, so a version need not be named.
        if p_expected_version is not null then
            perform lockstep.check_version(v_project, v_locked.permission, p_expected_version);
        end if;

        update lockstep.projects as project
        set deleted_at = null,
            restored_from = null,
            modified_by = p_actor_id
        where project.user_id = v_project.user_id
            and project.id = v_project.id
        returning project.* into v_project;
    end if;

    return lockstep.describe_project(v_project, v_locked.permission);
end;
$function$;

comment on function lockstep.restore_project(bigint, bigint, integer) is
$comment$Brings a deleted project back: a new version. One that is not deleted stays as it is.

Raises LS050 no such project, LS051 permission too low, LS052 modified by another.
Locks the project's row.$comment$;

revoke all on function lockstep.restore_project(bigint, bigint, integer) from public;
grant execute on function lockstep.restore_project(bigint, bigint, integer) to lockstep_app, lockstep_admin;
