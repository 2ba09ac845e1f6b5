create or replace function lockstep.update_project(
    p_actor_id bigint,
    p_project_id bigint,
    p_expected_version integer default null,
    p_title text default null,
    p_description text default null,
    p_file bytea default null,
    p_file_name text default null,
    p_merge boolean default false
)
returns lockstep.project_state
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_sha256 bytea := sha256(p_file);
    v_locked lockstep.locked_project;
    v_project lockstep.projects;
    v_given jsonb;
    v_comparison lockstep.project_comparison;
begin
    -- Lock order, everywhere: the project's row, then blobs.
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'WRITE');
    v_project := v_locked.project;
    perform lockstep.check_version_given(p_expected_version);

    v_given := jsonb_strip_nulls(jsonb_build_object(
        'title', p_title,
        'description', p_description,
        'file', case
            when p_file is not null or p_file_name is not null then jsonb_build_array(
                encode(coalesce(v_sha256, v_project.file_sha256), 'hex'), coalesce(p_file_name, v_project.file_name)
            )
        end
    ));

    if v_given = '{}' then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('project_id=%s: nothing is given', p_project_id),
            hint = 'Give a title, a description or a file.';
    end if;

    if p_expected_version <> v_project.version then
        v_comparison := lockstep.compare_changes(v_project, p_expected_version, v_given);

        if p_merge is not true or not v_comparison.mergeable then
            perform lockstep.refuse_stale(v_project, v_locked.permission, p_expected_version, v_comparison);
        end if;

        -- What the writer repeats as they saw it stays as the others made it.
        v_given := (
            select coalesce(jsonb_object_agg(field.name, field.content), '{}')
            from jsonb_each(v_given) as field (name, content)
            where field.name = any (v_comparison.wanted_fields)
        );
    end if;

    if v_given ? 'file' and p_file is not null then
        perform lockstep.store_blob(v_sha256, p_file, 'project_file_limit');
    end if;

    update lockstep.projects as project
    set title = coalesce(v_given ->> 'title', project.title),
        description = coalesce(v_given ->> 'description', project.description),
        file_sha256 = coalesce(decode(v_given -> 'file' ->> 0, 'hex'), project.file_sha256),
        file_name = coalesce(v_given -> 'file' ->> 1, project.file_name),
        restored_from = null,
        modified_by = p_actor_id
    where project.user_id = v_project.user_id
        and project.id = v_project.id
    returning project.* into v_project;

    return lockstep.describe_project(v_project, v_locked.permission, v_comparison.changed_fields);
end;
$function$;

comment on function lockstep.update_project(
    bigint, bigint, integer, text, text, bytea, text, boolean
) is
$comment$Changes what is given of a project, the rest stays: a new version. Without an expected version the last writer wins.

p_merge: where the version is stale, goes on if what others changed since does not collide with what is given.
Raises LS050 no such project, LS051 permission too low, LS052 modified by another (the detail says how), LS053 no
version named, LS055 file too large, LS006 nothing given; 23514 a title or name too long or empty.
Locks the project's row, then the blob.$comment$;

revoke all on function lockstep.update_project(
    bigint, bigint, integer, text, text, bytea, text, boolean
) from public;
grant execute on function lockstep.update_project(
    bigint, bigint, integer, text, text, bytea, text, boolean
) to lockstep_app, lockstep_admin;
