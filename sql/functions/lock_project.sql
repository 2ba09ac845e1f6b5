create or replace function lockstep.lock_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_needed lockstep.project_permission,
    p_deleted boolean default false
)
returns lockstep.locked_project
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_project lockstep.projects;
begin
    -- Lock order, everywhere: the project's row, then blobs.
    select project.*
    into v_project
    from lockstep.projects as project
    where project.id = p_project_id
    for no key update;

    -- Asked after the lock: what was taken back while this waited is not there any more.
    return row(v_project, lockstep.check_project(p_actor_id, p_project_id, v_project, p_needed, p_deleted));
end;
$function$;

comment on function lockstep.lock_project(bigint, bigint, lockstep.project_permission, boolean) is
$comment$Locks a project for a change by the actor, and returns it as it is then. p_deleted: a deleted one too.

Raises LS050 no such project, LS051 permission too low.
Locks the project's row: before any blob.$comment$;

revoke all on function lockstep.lock_project(bigint, bigint, lockstep.project_permission, boolean) from public;
