create or replace function lockstep.read_revision(
    p_actor_id bigint,
    p_project_id bigint,
    p_version integer
)
returns lockstep.revision_state
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return lockstep.describe_revision(lockstep.find_revision(
        (lockstep.find_project(p_actor_id, p_project_id, 'READ')).project, p_version
    ));
end;
$function$;

comment on function lockstep.read_revision(bigint, bigint, integer) is
$comment$One version of a project, without its bytes.

Raises LS050 no such project, LS054 no such version.$comment$;

revoke all on function lockstep.read_revision(bigint, bigint, integer) from public;
grant execute on function lockstep.read_revision(bigint, bigint, integer) to lockstep_app, lockstep_admin;
