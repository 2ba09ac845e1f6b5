create or replace function lockstep.stamp_project()
returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    if new.user_id <> old.user_id or new.id <> old.id then
        raise exception using
            errcode = 'LS058',
            message = 'a project cannot move to another owner',
            detail = format('user_id=%s project_id=%s', old.user_id, old.id),
            hint = 'Let the other copy it: copy_project().';
    end if;

    new.version := old.version + 1;
    new.created_at := old.created_at;
    new.modified_at := clock_timestamp();

    -- Raw SQL that does not say who it is for is nobody's, not the last writer's.
    if current_user <> 'lockstep_coupler' then
        new.modified_by := case when new.modified_by is distinct from old.modified_by then new.modified_by end;
        new.restored_from := null;
    end if;

    return new;
end;
$function$;

comment on function lockstep.stamp_project() is
$comment$Raises the version of a project with every update, whatever wrote it, and says when.

Raises LS058 when the project would move to another owner or id.$comment$;

revoke all on function lockstep.stamp_project() from public;

create or replace trigger stamp_update
before update on lockstep.projects
for each row execute function lockstep.stamp_project();

comment on trigger stamp_update on lockstep.projects is 'Every update is a new version, raw SQL too.';
