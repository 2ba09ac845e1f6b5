create or replace function lockstep.check_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_project lockstep.projects,
    p_needed lockstep.project_permission,
    p_deleted boolean default false
)
returns lockstep.project_permission
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_permission lockstep.project_permission := lockstep.permission_on(
        p_actor_id, p_project.user_id, p_project.id
    );
begin
    if p_project.id is null
        or v_permission is null
        or (p_project.deleted_at is not null and not p_deleted)
    then
        raise exception using
            errcode = 'LS050',
            message = 'project not found',
            detail = concat_ws(
                ' ',
                format('project_id=%s', coalesce(p_project_id::text, 'null')),
                case
                    when p_project.deleted_at is not null and v_permission is not null
                        then format('deleted_at=%s version=%s', p_project.deleted_at, p_project.version)
                end
            ),
            hint = 'One that was deleted can be restored: restore_project().';
    end if;

    if v_permission < p_needed then
        raise exception using
            errcode = 'LS051',
            message = 'your permission on this project does not reach so far',
            detail = format('project_id=%s permission=%s needed=%s', p_project_id, v_permission, p_needed),
            hint = 'Ask its owner to share it, or make a copy of your own.';
    end if;

    return v_permission;
end;
$function$;

comment on function lockstep.check_project(
    bigint, bigint, lockstep.projects, lockstep.project_permission, boolean
) is
$comment$Lets the actor pass who has the permission that is needed; returns theirs. p_project: null where there is none.

Raises LS050 no such project (or deleted, or none of the actor's business), LS051 permission too low. Locks nothing.$comment$;

revoke all on function lockstep.check_project(
    bigint, bigint, lockstep.projects, lockstep.project_permission, boolean
) from public;
