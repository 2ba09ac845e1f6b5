create or replace function lockstep.find_revision(
    p_project lockstep.projects,
    p_version integer
)
returns lockstep.project_revisions
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_revision lockstep.project_revisions;
begin
    select revision.*
    into v_revision
    from lockstep.project_revisions as revision
    where revision.user_id = p_project.user_id
        and revision.project_id = p_project.id
        and revision.version = p_version;

    if not found then
        raise exception using
            errcode = 'LS054',
            message = 'revision not found',
            detail = format('project_id=%s version=%s', p_project.id, coalesce(p_version::text, 'null')),
            hint = 'See list_revisions() for those that exist.';
    end if;

    return v_revision;
end;
$function$;

comment on function lockstep.find_revision(lockstep.projects, integer) is
'The revision of a project at a version. Raises LS054 when there is none.';

revoke all on function lockstep.find_revision(lockstep.projects, integer) from public;
