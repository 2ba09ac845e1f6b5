create or replace function lockstep.find_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_needed lockstep.project_permission
)
returns lockstep.locked_project
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_project lockstep.projects;
begin
    select project.*
    into v_project
    from lockstep.projects as project
    where project.id = p_project_id;

    return row(v_project, lockstep.check_project(p_actor_id, p_project_id, v_project, p_needed));
end;
$function$;

comment on function lockstep.find_project(bigint, bigint, lockstep.project_permission) is
$comment$A project as the actor may see it, unlocked.

Raises LS050 no such project, LS051 permission too low.$comment$;

revoke all on function lockstep.find_project(bigint, bigint, lockstep.project_permission) from public;
