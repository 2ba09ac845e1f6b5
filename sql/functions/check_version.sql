create or replace function lockstep.check_version(
    p_project lockstep.projects,
    p_permission lockstep.project_permission,
    p_expected_version integer
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_version_given(p_expected_version);

    if p_expected_version <> p_project.version then
        perform lockstep.refuse_stale(
            p_project, p_permission, p_expected_version,
            lockstep.compare_changes(p_project, p_expected_version, '{}')
        );
    end if;
end;
$function$;

comment on function lockstep.check_version(lockstep.projects, lockstep.project_permission, integer) is
$comment$Raises LS052 when the expected version is not the current one, LS053 when it must be named and is not.$comment$;

revoke all on function lockstep.check_version(lockstep.projects, lockstep.project_permission, integer) from public;
