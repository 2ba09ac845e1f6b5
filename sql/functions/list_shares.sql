create or replace function lockstep.list_shares(
    p_actor_id bigint,
    p_project_id bigint
)
returns setof lockstep.share_state
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_project lockstep.projects;
begin
    v_project := (lockstep.find_project(p_actor_id, p_project_id, 'ADMIN')).project;

    return query
    select described.*
    from lockstep.project_shares as share
    -- A row made anew: a cluster refuses that of a table.
    cross join lateral lockstep.describe_share(row(share.*)::lockstep.project_shares) as described
    where share.user_id = v_project.user_id
        and share.project_id = v_project.id
    order by share.id;
end;
$function$;

comment on function lockstep.list_shares(bigint, bigint) is
$comment$With whom a project is shared.

Raises LS050 no such project, LS051 permission too low.$comment$;

revoke all on function lockstep.list_shares(bigint, bigint) from public;
grant execute on function lockstep.list_shares(bigint, bigint) to lockstep_app, lockstep_admin;
