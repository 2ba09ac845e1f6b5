create or replace function lockstep.compare_changes(
    p_project lockstep.projects,
    p_expected_version integer,
    p_given jsonb
)
returns lockstep.project_comparison
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_base jsonb;
    v_current jsonb := lockstep.project_fields(
        p_project.title, p_project.description, p_project.file_sha256, p_project.file_name, p_project.deleted_at
    );
    v_answer lockstep.project_comparison;
begin
    select lockstep.project_fields(
        base.title, base.description, base.file_sha256, base.file_name, base.deleted_at
    )
    into v_base
    from lockstep.project_revisions as base
    where base.user_id = p_project.user_id
        and base.project_id = p_project.id
        and base.version = p_expected_version;

    if found then
        v_answer.changed_fields := lockstep.changed_fields(v_base, v_current);
        v_answer.wanted_fields := lockstep.changed_fields(v_base, p_given);
        v_answer.colliding_fields := array(
            select changed.field
            from unnest(v_answer.changed_fields) as changed (field)
            where changed.field = any (v_answer.wanted_fields)
                and p_given -> changed.field <> v_current -> changed.field
            order by changed.field
        );
    else
        v_answer.colliding_fields := array(
            select field.name
            from jsonb_object_keys(p_given) as field (name)
            order by field.name
        );
    end if;

    v_answer.mergeable := v_answer.colliding_fields = '{}' and p_given <> '{}';
    return v_answer;
end;
$function$;

comment on function lockstep.compare_changes(lockstep.projects, integer, jsonb) is
$comment$Compares three ways: a project at the version that a writer saw, as it is now, and as the writer wants it.

p_given: the fields that the writer gives, as project_fields() has them. One that the writer repeats as they
saw it is not wanted; one that others changed to the very same does not collide. Locks nothing.$comment$;

revoke all on function lockstep.compare_changes(lockstep.projects, integer, jsonb) from public;
