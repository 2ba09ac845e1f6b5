create or replace function lockstep.share_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_permission lockstep.project_permission,
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
    v_now timestamptz;
begin
    v_project := (lockstep.lock_project(p_actor_id, p_project_id, 'ADMIN')).project;

    if p_permission is null or num_nonnulls(p_user_id, p_group_id) <> 1 or p_user_id = v_project.user_id then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('permission=%s user_id=%s group_id=%s', p_permission, p_user_id, p_group_id),
            hint = 'Share with one user or one group, not with the owner: READ, WRITE or ADMIN.';
    end if;

    if p_user_id is not null then
        perform lockstep.check_user(p_user_id);
    else
        perform lockstep.check_group(p_actor_id, p_group_id);
    end if;

    v_now := clock_timestamp();

    -- Raised, never lowered: of many grants at once none is lost. The project's row is held, so this is no race.
    update lockstep.project_shares as share
    set permission = greatest(share.permission, p_permission),
        granted_by = case when share.permission < p_permission then p_actor_id else share.granted_by end,
        modified_at = case when share.permission < p_permission then v_now else share.modified_at end
    where share.user_id = v_project.user_id
        and share.project_id = v_project.id
        and (share.grantee_user_id = p_user_id or share.grantee_group_id = p_group_id)
    returning share.* into v_share;

    if not found then
        insert into lockstep.project_shares (
            user_id, project_id, grantee_user_id, grantee_group_id, permission, granted_by
        )
        values (v_project.user_id, v_project.id, p_user_id, p_group_id, p_permission, p_actor_id)
        returning * into v_share;
    end if;

    return lockstep.describe_share(v_share);
end;
$function$;

comment on function lockstep.share_project(
    bigint, bigint, lockstep.project_permission, bigint, bigint
) is
$comment$Grants a permission on a project to a user or to a group. A higher one stays: take it back to lower it.

Raises LS050 no such project, LS051 permission too low, LS001 no such user, LS006 invalid argument, LS045 no
such group, or not the actor's.
Locks the project's row.$comment$;

revoke all on function lockstep.share_project(
    bigint, bigint, lockstep.project_permission, bigint, bigint
) from public;
grant execute on function lockstep.share_project(
    bigint, bigint, lockstep.project_permission, bigint, bigint
) to lockstep_app, lockstep_admin;
