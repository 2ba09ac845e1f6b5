create or replace function lockstep.refuse_stale(
    p_project lockstep.projects,
    p_permission lockstep.project_permission,
    p_expected_version integer,
    p_comparison lockstep.project_comparison
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_current lockstep.project_state := lockstep.describe_project(p_project, p_permission);
    v_changes jsonb := (
        select coalesce(jsonb_agg(to_jsonb(change) order by change.version), '[]')
        from (
            select
                revision.version, revision.action, revision.changed_fields, revision.changed_by,
                writer.name as changed_by_name, revision.changed_at
            from lockstep.project_revisions as revision
            left outer join lockstep.users as writer on writer.id = revision.changed_by
            where revision.user_id = p_project.user_id
                and revision.project_id = p_project.id
                and revision.version > p_expected_version
            order by revision.version desc
            limit 20
        ) as change
    );
begin
    raise exception using
        errcode = 'LS052',
        message = 'project was modified by another user',
        detail = jsonb_build_object(
            'detail', format(
                'version %s is not the current one: %s changed the project to version %s at %s',
                p_expected_version, coalesce(v_current.modified_by_name, 'somebody'), p_project.version,
                p_project.modified_at
            ),
            'project_id', p_project.id,
            'expected_version', p_expected_version,
            'current_version', p_project.version,
            'modified_by', p_project.modified_by,
            'modified_by_name', v_current.modified_by_name,
            'modified_at', p_project.modified_at,
            'changed_fields', p_comparison.changed_fields,
            'colliding_fields', p_comparison.colliding_fields,
            'mergeable', p_comparison.mergeable,
            'changes', v_changes,
            'current', to_jsonb(v_current) - '{permission,merged_fields}'::text[]
        )::text,
        hint = 'Read the current version and write again on it; where mergeable is true, ask for a merge.';
end;
$function$;

comment on function lockstep.refuse_stale(
    lockstep.projects, lockstep.project_permission, integer, lockstep.project_comparison
) is
$comment$Refuses a write on a version that is no longer the current one, and says what happened since.

Raises LS052; its detail is a JSON object: detail (a sentence), the versions, who changed which fields when
(changes: the last twenty), which of them collide with what the writer wants, and the current state.$comment$;

revoke all on function lockstep.refuse_stale(
    lockstep.projects, lockstep.project_permission, integer, lockstep.project_comparison
) from public;
