create or replace function lockstep.purge_projects(
    p_limit integer default 1000
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_found bigint[];
begin
    v_found := array(
        select project.id
        from lockstep.projects as project
        where project.deleted_at < now() - lockstep.setting('project_retention')::interval
        order by project.user_id, project.id
        limit p_limit
        for no key update skip locked
    );

    return lockstep.remove_projects(v_found);
end;
$function$;

comment on function lockstep.purge_projects(integer) is
$comment$Removes, with revisions and shares, projects that were deleted longer ago than the setting project_retention.

At most p_limit; returns how many. One that is being restored is passed over. Their contents: sweep_blobs().
Locks the projects' rows, by owner and id; waits for nobody.$comment$;

revoke all on function lockstep.purge_projects(integer) from public;
grant execute on function lockstep.purge_projects(integer) to lockstep_admin;
