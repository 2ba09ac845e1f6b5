create or replace function lockstep.blob_is_used(
    p_sha256 bytea
)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
            select from lockstep.projects as project
            where project.file_sha256 = p_sha256
        )
        or exists (
            select from lockstep.project_revisions as revision
            where revision.file_sha256 = p_sha256
        )
        or exists (
            select from lockstep.assets as asset
            where asset.sha256 = p_sha256
        );
$function$;

comment on function lockstep.blob_is_used(bytea) is
'Whether anything refers to a content, as the calling statement sees it.';

revoke all on function lockstep.blob_is_used(bytea) from public;
