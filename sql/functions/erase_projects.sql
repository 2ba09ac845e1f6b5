create or replace function lockstep.erase_projects(
    p_user_id bigint
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_projects bigint;
    v_revisions bigint;
    v_shares bigint;
    v_assets bigint;
begin
    -- Lock order, everywhere: the project's row, then blobs; several by owner and id.
    perform
    from lockstep.projects as project
    where project.user_id = p_user_id
    order by project.user_id, project.id
    for no key update;

    delete from lockstep.project_shares as share
    where share.user_id = p_user_id
        or share.grantee_user_id = p_user_id;

    get diagnostics v_shares = row_count;

    delete from lockstep.project_revisions as revision
    where revision.user_id = p_user_id;

    get diagnostics v_revisions = row_count;

    delete from lockstep.projects as project
    where project.user_id = p_user_id;

    get diagnostics v_projects = row_count;

    update lockstep.assets as asset
    set created_by = null
    where asset.created_by = p_user_id;

    get diagnostics v_assets = row_count;

    return jsonb_build_object(
        'projects', v_projects,
        'project_revisions', v_revisions,
        'project_shares', v_shares,
        'assets', v_assets,
        'blobs', lockstep.sweep_blobs()
    );
end;
$function$;

comment on function lockstep.erase_projects(bigint) is
$comment$Removes a person's projects, with every version, and what was shared with them; contents that nobody else uses go too.

What they did to projects of others stays, under a pseudonym, and so do copies that others made, and assets.
Returns how many rows went or were emptied, by table.
Locks the projects' rows, by id, then blobs.$comment$;

revoke all on function lockstep.erase_projects(bigint) from public;
