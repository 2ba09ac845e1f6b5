create or replace function lockstep.record_revision()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    insert into lockstep.project_revisions (
        user_id, project_id, version, action, changed_fields, changed_by, changed_at, restored_from,
        title, description, file_sha256, file_name, deleted_at
    )
    values (
        new.user_id,
        new.id,
        new.version,
        case
            when tg_op = 'INSERT' then case when new.copied_from_id is null then 'created' else 'copied' end
            when new.deleted_at is not null and old.deleted_at is null then 'deleted'
            when new.deleted_at is null and old.deleted_at is not null then 'restored'
            when new.restored_from is not null then 'reverted'
            else 'updated'
        end,
        lockstep.changed_fields(
            case
                when tg_op = 'UPDATE' then lockstep.project_fields(
                    old.title, old.description, old.file_sha256, old.file_name, old.deleted_at
                )
                else '{"deleted": false}'
            end,
            lockstep.project_fields(new.title, new.description, new.file_sha256, new.file_name, new.deleted_at)
        ),
        new.modified_by,
        new.modified_at,
        new.restored_from,
        new.title,
        new.description,
        new.file_sha256,
        new.file_name,
        new.deleted_at
    );

    return null;
end;
$function$;

comment on function lockstep.record_revision() is
'Keeps every version of a project, whole, as a row of project_revisions.';

revoke all on function lockstep.record_revision() from public;

create or replace trigger record_revision
after insert or update on lockstep.projects
for each row execute function lockstep.record_revision();

comment on trigger record_revision on lockstep.projects is 'Every version is kept, raw SQL too.';
