create or replace function lockstep.adopt_project(
    p_run_id bigint,
    p_source_id text,
    p_content bytea,
    p_file_name text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_staged lockstep.adoption_staging := lockstep.staged_file('projects', p_source_id, p_content);
    v_run constant lockstep.adoption_runs := (
        select run from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
    v_title constant text := left(
        coalesce(nullif(btrim(coalesce(v_staged.content ->> 'title', v_staged.content ->> 'name')), ''), 'Untitled'), 200
    );
    v_description constant text := left(coalesce(v_staged.content ->> 'description', ''), 5000);
    v_known lockstep.adopted_rows;
    v_project lockstep.projects;
begin
    select known.*
    into v_known
    from lockstep.adopted_rows as known
    where known.source = v_run.source
        and known.table_name = 'projects'
        and known.source_id = p_source_id
        and known.target_id is not null;

    -- Only the version that an adoption left is written over; a project stays with its owner.
    select project.*
    into v_project
    from lockstep.projects as project
    where project.user_id = v_staged.user_id
        and project.id = v_known.target_id::bigint
        and project.version::text = v_known.target_state
        and project.deleted_at is null
    for no key update;

    if v_project.id is not null or v_known.target_id is null then
        perform lockstep.store_blob(sha256(p_content), p_content, 'project_file_limit');
    end if;

    if v_project.id is not null then
        update lockstep.projects as project
        set title = v_title,
            description = v_description,
            file_sha256 = sha256(p_content),
            file_name = p_file_name,
            modified_by = v_staged.user_id
        where project.user_id = v_project.user_id
            and project.id = v_project.id;
    elsif v_known.target_id is null then
        insert into lockstep.projects (
            user_id, title, description, file_sha256, file_name, created_at, modified_at, modified_by
        )
        values (
            v_staged.user_id,
            v_title,
            v_description,
            sha256(p_content),
            p_file_name,
            coalesce((lockstep.adopted_times(v_staged.content, array['created_at'], v_run.timezone))[1], clock_timestamp()),
            coalesce((lockstep.adopted_times(v_staged.content, array['updated_at'], v_run.timezone))[1], clock_timestamp()),
            v_staged.user_id
        )
        returning * into v_project;
    end if;

    update lockstep.adoption_staging as staged
    set target_id = coalesce(v_project.id::text, v_known.target_id),
        outcome = case when v_project.id is null then 'conflict' else staged.outcome end,
        reasons = case when v_project.id is null then array['changed_here'] else staged.reasons end
    where staged.table_name = 'projects'
        and staged.source_id = p_source_id;

    perform lockstep.record_adopted(p_run_id, array['projects'], p_source_ids => array[p_source_id]);
end;
$function$;

comment on function lockstep.adopt_project(bigint, text, bytea, text) is
$comment$Brings a planned project over, with its file: version 1, or one version more where the source changed it.

One that was changed here since stays as it is, and is written down as a conflict.
Raises LS055 too large, LS096 not what was planned. Locks the project's row, then the blob.$comment$;

revoke all on function lockstep.adopt_project(bigint, text, bytea, text) from public;
