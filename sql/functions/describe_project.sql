create or replace function lockstep.describe_project(
    p_project lockstep.projects,
    p_permission lockstep.project_permission,
    p_merged_fields text[] default null
)
returns lockstep.project_state
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select row(
        p_project.id,
        p_project.user_id,
        (select owner.name from lockstep.users as owner where owner.id = p_project.user_id),
        p_project.version,
        p_project.title,
        p_project.description,
        p_project.file_name,
        (select length(blob.content) from lockstep.blobs as blob where blob.sha256 = p_project.file_sha256),
        encode(p_project.file_sha256, 'hex'),
        p_project.copied_from_id,
        p_project.copied_from_version,
        p_project.created_at,
        p_project.modified_at,
        p_project.modified_by,
        (select writer.name from lockstep.users as writer where writer.id = p_project.modified_by),
        p_project.deleted_at,
        p_permission,
        p_merged_fields
    )::lockstep.project_state;
$function$;

comment on function lockstep.describe_project(lockstep.projects, lockstep.project_permission, text[]) is
'A row of projects as the functions return it.';

revoke all on function lockstep.describe_project(lockstep.projects, lockstep.project_permission, text[]) from public;
