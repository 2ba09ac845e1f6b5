create or replace function lockstep.export_projects(
    p_user_id bigint
)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select jsonb_object_agg(section.name, section.found)
    from (
        -- The contents are not in it, but their hashes are: read_file() has the bytes.
        select 'projects', jsonb_agg(
            case project.user_id
                when p_user_id
                    then to_jsonb(project) || jsonb_build_object('file_sha256', encode(project.file_sha256, 'hex'))
                else jsonb_build_object(
                    'id', project.id,
                    'version', project.version,
                    'modified_by', project.modified_by,
                    'modified_at', project.modified_at
                )
            end order by project.id
        )
        from lockstep.projects as project
        where project.user_id = p_user_id
            or project.modified_by = p_user_id
        union all
        -- Of what they did to projects of others, what they did: the rest is the other's.
        select 'project_revisions', jsonb_agg(
            case revision.user_id
                when p_user_id
                    then to_jsonb(revision) || jsonb_build_object('file_sha256', encode(revision.file_sha256, 'hex'))
                else jsonb_build_object(
                    'project_id', revision.project_id,
                    'version', revision.version,
                    'action', revision.action,
                    'changed_fields', revision.changed_fields,
                    'changed_by', revision.changed_by,
                    'changed_at', revision.changed_at
                )
            end order by revision.project_id, revision.version
        )
        from lockstep.project_revisions as revision
        where revision.user_id = p_user_id
            or revision.changed_by = p_user_id
        union all
        select 'project_shares', jsonb_agg(to_jsonb(share) order by share.id)
        from lockstep.project_shares as share
        where share.user_id = p_user_id
            or share.grantee_user_id = p_user_id
            or share.granted_by = p_user_id
        union all
        select 'assets', jsonb_agg(
            to_jsonb(asset) || jsonb_build_object('sha256', encode(asset.sha256, 'hex')) order by asset.created_at
        )
        from lockstep.assets as asset
        where asset.created_by = p_user_id
    ) as section (name, found);
$function$;

comment on function lockstep.export_projects(bigint) is
$comment$What is held about a person as somebody who builds projects: rows by table, null where there are none.$comment$;

revoke all on function lockstep.export_projects(bigint) from public;
