create or replace function lockstep.list_revisions(
    p_actor_id bigint,
    p_project_id bigint,
    p_before_version integer default null,
    p_limit integer default 100
)
returns setof lockstep.revision_state
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_project lockstep.projects;
begin
    v_project := (lockstep.find_project(p_actor_id, p_project_id, 'READ')).project;

    return query
    select described.*
    from lockstep.project_revisions as revision
    -- A row made anew: a cluster refuses that of a table.
    cross join lateral lockstep.describe_revision(row(revision.*)::lockstep.project_revisions) as described
    where revision.user_id = v_project.user_id
        and revision.project_id = v_project.id
        and (p_before_version is null or revision.version < p_before_version)
    order by revision.version desc
    limit least(p_limit, 500);
end;
$function$;

comment on function lockstep.list_revisions(bigint, bigint, integer, integer) is
$comment$The versions of a project, the newest first, from before a given one; at most 500.

Raises LS050 no such project.$comment$;

revoke all on function lockstep.list_revisions(bigint, bigint, integer, integer) from public;
grant execute on function lockstep.list_revisions(bigint, bigint, integer, integer) to lockstep_app, lockstep_admin;
