create or replace function lockstep.remove_projects(
    p_project_ids bigint[]
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_removed bigint;
begin
    delete from lockstep.project_shares as share
    where share.project_id = any (p_project_ids);

    delete from lockstep.project_revisions as revision
    where revision.project_id = any (p_project_ids);

    delete from lockstep.projects as project
    where project.id = any (p_project_ids);

    get diagnostics v_removed = row_count;
    return v_removed;
end;
$function$;

comment on function lockstep.remove_projects(bigint[]) is
'Removes projects that the caller has locked, with their revisions and shares; returns how many.';

revoke all on function lockstep.remove_projects(bigint[]) from public;
