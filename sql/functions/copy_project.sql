create or replace function lockstep.copy_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_title text default null
)
returns lockstep.project_state
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_source lockstep.projects;
    v_copy lockstep.projects;
begin
    -- Locked, so that the copy waits for a write that is under way and has it whole.
    v_source := (lockstep.lock_project(p_actor_id, p_project_id, 'READ')).project;

    insert into lockstep.projects (
        user_id, title, description, file_sha256, file_name, modified_by, copied_from_id, copied_from_version
    )
    values (
        p_actor_id, coalesce(p_title, v_source.title), v_source.description, v_source.file_sha256,
        v_source.file_name, p_actor_id, v_source.id, v_source.version
    )
    returning * into v_copy;

    return lockstep.describe_project(v_copy, 'ADMIN');
end;
$function$;

comment on function lockstep.copy_project(bigint, bigint, text) is
$comment$Makes a project of the actor's with the present state of another that they may read; its shares are not copied.

Raises LS050 no such project; 23514 a title too long or empty.
Locks the source's row, then the blob.$comment$;

revoke all on function lockstep.copy_project(bigint, bigint, text) from public;
grant execute on function lockstep.copy_project(bigint, bigint, text) to lockstep_app, lockstep_admin;
