create or replace function lockstep.list_projects(
    p_actor_id bigint,
    p_user_id bigint default null,
    p_deleted boolean default false,
    p_before_id bigint default null,
    p_limit integer default 100
)
returns setof lockstep.project_state
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select described.*
    from lockstep.projects as project
    cross join lateral lockstep.permission_on(p_actor_id, project.user_id, project.id) as granted (permission)
    -- A row made anew: a cluster refuses that of a table.
    cross join lateral lockstep.describe_project(row(project.*)::lockstep.projects, granted.permission) as described
    where project.id in (
            select own.id
            from lockstep.projects as own
            where own.user_id = coalesce(p_user_id, p_actor_id)
            union all
            select share.project_id
            from lockstep.project_shares as share
            where share.grantee_user_id = p_actor_id
            union all
            select share.project_id
            from lockstep.group_members as member
            inner join lockstep.project_shares as share on share.grantee_group_id = member.group_id
            where member.user_id = p_actor_id
        )
        and (p_user_id is null or project.user_id = p_user_id)
        and (project.deleted_at is not null) = p_deleted
        and (p_before_id is null or project.id < p_before_id)
        and granted.permission >= case when p_deleted then 'ADMIN' else 'READ' end::lockstep.project_permission
    order by project.id desc
    limit least(p_limit, 500);
$function$;

comment on function lockstep.list_projects(bigint, bigint, boolean, bigint, integer) is
$comment$The projects that are the actor's or shared with them, the newest first, from before a given id; at most 500.

p_user_id: only those of this owner, as far as the actor may read them. p_deleted: those that can be restored.
Locks nothing.$comment$;

revoke all on function lockstep.list_projects(bigint, bigint, boolean, bigint, integer) from public;
grant execute on function lockstep.list_projects(bigint, bigint, boolean, bigint, integer) to lockstep_app, lockstep_admin;
