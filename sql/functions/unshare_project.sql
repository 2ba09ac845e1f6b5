create or replace function lockstep.unshare_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_user_id bigint default null,
    p_group_id bigint default null
)
returns lockstep.share_state
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_project lockstep.projects;
    v_share lockstep.project_shares;
begin
    v_project := (lockstep.lock_project(
        p_actor_id, p_project_id,
        -- Whoever it was shared with may leave.
        case when p_user_id = p_actor_id then 'READ' else 'ADMIN' end::lockstep.project_permission
    )).project;

    delete from lockstep.project_shares as share
    where share.user_id = v_project.user_id
        and share.project_id = v_project.id
        and (share.grantee_user_id = p_user_id or share.grantee_group_id = p_group_id)
    returning share.* into v_share;

    if not found then
        raise exception using
            errcode = 'LS059',
            message = 'share not found',
            detail = format('project_id=%s user_id=%s group_id=%s', p_project_id, p_user_id, p_group_id),
            hint = 'See list_shares() for those that exist.';
    end if;

    return lockstep.describe_share(v_share);
end;
$function$;

comment on function lockstep.unshare_project(bigint, bigint, bigint, bigint) is
$comment$Takes back what was granted on a project to a user or to a group; returns what that was.

Raises LS050 no such project, LS051 permission too low, LS059 no such share.
Locks the project's row: a write that waits for this is asked for its permission afterwards.$comment$;

revoke all on function lockstep.unshare_project(bigint, bigint, bigint, bigint) from public;
grant execute on function lockstep.unshare_project(bigint, bigint, bigint, bigint) to lockstep_app, lockstep_admin;
