create or replace function lockstep.describe_revision(
    p_revision lockstep.project_revisions
)
returns lockstep.revision_state
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select row(
        p_revision.project_id,
        p_revision.version,
        p_revision.action,
        p_revision.changed_fields,
        p_revision.changed_by,
        (select writer.name from lockstep.users as writer where writer.id = p_revision.changed_by),
        p_revision.changed_at,
        p_revision.restored_from,
        p_revision.title,
        p_revision.description,
        p_revision.file_name,
        (select length(blob.content) from lockstep.blobs as blob where blob.sha256 = p_revision.file_sha256),
        encode(p_revision.file_sha256, 'hex'),
        p_revision.deleted_at
    )::lockstep.revision_state;
$function$;

comment on function lockstep.describe_revision(lockstep.project_revisions) is
'A row of project_revisions as the functions return it.';

revoke all on function lockstep.describe_revision(lockstep.project_revisions) from public;
