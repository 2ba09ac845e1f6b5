create or replace function lockstep.restore_revision(
    p_actor_id bigint,
    p_project_id bigint,
    p_version integer,
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
    v_revision lockstep.project_revisions;
begin
    -- Lock order, everywhere: the project's row, then blobs (the foreign key locks it).
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'WRITE');
    v_project := v_locked.project;
    perform lockstep.check_version(v_project, v_locked.permission, p_expected_version);
    v_revision := lockstep.find_revision(v_project, p_version);

    update lockstep.projects as project
    set title = v_revision.title,
        description = v_revision.description,
        file_sha256 = v_revision.file_sha256,
        file_name = v_revision.file_name,
        restored_from = v_revision.version,
        modified_by = p_actor_id
    where project.user_id = v_project.user_id
        and project.id = v_project.id
    returning project.* into v_project;

    return lockstep.describe_project(v_project, v_locked.permission);
end;
$function$;

comment on function lockstep.restore_revision(bigint, bigint, integer, integer) is
$comment$Brings title, description and file of an earlier version back: a new version, and nothing is lost.

Raises LS050 no such project, LS051 permission too low, LS052 modified by another, LS053 no version named, LS054 no
such version.
Locks the project's row, then the blob.$comment$;

revoke all on function lockstep.restore_revision(bigint, bigint, integer, integer) from public;
grant execute on function lockstep.restore_revision(bigint, bigint, integer, integer) to lockstep_app, lockstep_admin;
