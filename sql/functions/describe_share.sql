create or replace function lockstep.describe_share(
    p_share lockstep.project_shares
)
returns lockstep.share_state
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select row(
        p_share.project_id,
        p_share.grantee_user_id,
        p_share.grantee_group_id,
        coalesce(
            (select grantee.name from lockstep.users as grantee where grantee.id = p_share.grantee_user_id),
            (select grantee.name from lockstep.groups as grantee where grantee.id = p_share.grantee_group_id)
        ),
        p_share.permission,
        p_share.granted_by,
        p_share.created_at,
        p_share.modified_at
    )::lockstep.share_state;
$function$;

comment on function lockstep.describe_share(lockstep.project_shares) is
'A row of project_shares as the functions return it.';

revoke all on function lockstep.describe_share(lockstep.project_shares) from public;
