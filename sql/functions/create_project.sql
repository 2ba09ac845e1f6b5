create or replace function lockstep.create_project(
    p_actor_id bigint,
    p_title text,
    p_file bytea,
    p_file_name text,
    p_description text default ''
)
returns lockstep.project_state
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_sha256 bytea := sha256(p_file);
    v_project lockstep.projects;
begin
    perform lockstep.check_user(p_actor_id);

    if p_title is null or p_file is null or p_file_name is null or p_description is null then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'title, file, file name and description may not be null',
            hint = 'A project is a file with a title.';
    end if;

    perform lockstep.store_blob(v_sha256, p_file, 'project_file_limit');

    insert into lockstep.projects (user_id, title, description, file_sha256, file_name, modified_by)
    values (p_actor_id, p_title, p_description, v_sha256, p_file_name, p_actor_id)
    returning * into v_project;

    return lockstep.describe_project(v_project, 'ADMIN');
end;
$function$;

comment on function lockstep.create_project(bigint, text, bytea, text, text) is
$comment$Makes a project of the actor's, file and all: version 1.

Raises LS001 no such actor, LS006 invalid argument, LS055 file too large; 23514 a title or name too long or empty.
Locks the blob.$comment$;

revoke all on function lockstep.create_project(bigint, text, bytea, text, text) from public;
grant execute on function lockstep.create_project(bigint, text, bytea, text, text) to lockstep_app, lockstep_admin;
