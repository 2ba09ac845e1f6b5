create or replace function lockstep.read_file(
    p_actor_id bigint,
    p_project_id bigint,
    p_version integer default null,
    p_known_sha256 text default null
)
returns lockstep.project_file
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_project lockstep.projects;
    v_revision lockstep.project_revisions;
    v_file lockstep.project_file;
begin
    v_project := (lockstep.find_project(p_actor_id, p_project_id, 'READ')).project;
    v_revision := lockstep.find_revision(v_project, coalesce(p_version, v_project.version));

    select
        v_revision.project_id,
        v_revision.version,
        v_revision.file_name,
        length(blob.content)::bigint,
        encode(blob.sha256, 'hex'),
        case when encode(blob.sha256, 'hex') is distinct from p_known_sha256 then blob.content end
    into v_file
    from lockstep.blobs as blob
    where blob.sha256 = v_revision.file_sha256;

    return v_file;
end;
$function$;

comment on function lockstep.read_file(bigint, bigint, integer, text) is
$comment$The file of a project, of its newest version or of a given one.

p_known_sha256: what the caller has already, in hexadecimal; if it is that, the bytes are left out.
Raises LS050 no such project, LS054 no such version.$comment$;

revoke all on function lockstep.read_file(bigint, bigint, integer, text) from public;
grant execute on function lockstep.read_file(bigint, bigint, integer, text) to lockstep_app, lockstep_admin;
