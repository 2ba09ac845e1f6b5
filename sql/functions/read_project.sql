create or replace function lockstep.read_project(
    p_actor_id bigint,
    p_project_id bigint
)
returns lockstep.project_state
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_found lockstep.locked_project;
begin
    v_found := lockstep.find_project(p_actor_id, p_project_id, 'READ');
    return lockstep.describe_project(v_found.project, v_found.permission);
end;
$function$;

comment on function lockstep.read_project(bigint, bigint) is
$comment$A project as it is now, without its bytes.

Raises LS050 no such project.$comment$;

revoke all on function lockstep.read_project(bigint, bigint) from public;
grant execute on function lockstep.read_project(bigint, bigint) to lockstep_app, lockstep_admin;
