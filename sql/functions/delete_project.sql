create or replace function lockstep.delete_project(
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
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'ADMIN');
    v_project := v_locked.project;
    perform lockstep.check_version(v_project, v_locked.permission, p_expected_version);

    update lockstep.projects as project
    set deleted_at = clock_timestamp(),
        restored_from = null,
        modified_by = p_actor_id
    where project.user_id = v_project.user_id
        and project.id = v_project.id
    returning project.* into v_project;

    return lockstep.describe_project(v_project, v_locked.permission);
end;
$function$;

comment on function lockstep.delete_project(bigint, bigint, integer) is
$comment$Deletes a project, so that it can be restored until purge_projects() takes it: a new version.

Raises LS050 no such project, LS051 permission too low, LS052 modified by another, LS053 no version named.
Locks the project's row.$comment$;

revoke all on function lockstep.delete_project(bigint, bigint, integer) from public;
grant execute on function lockstep.delete_project(bigint, bigint, integer) to lockstep_app, lockstep_admin;
