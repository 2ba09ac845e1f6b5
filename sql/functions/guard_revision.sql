create or replace function lockstep.guard_revision()
returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception using
        errcode = 'LS057',
        message = 'revisions are append-only',
        detail = format('%s of project_revisions', tg_op),
        hint = 'Bring an earlier version back with restore_revision(): that is a new one.';
end;
$function$;

comment on function lockstep.guard_revision() is
$comment$Keeps the revisions of projects append-only.

Raises LS057 for UPDATE, DELETE and TRUNCATE.$comment$;

revoke all on function lockstep.guard_revision() from public;

create or replace trigger guard_update
before update on lockstep.project_revisions
for each row execute function lockstep.guard_revision();

create or replace trigger guard_delete
before delete on lockstep.project_revisions
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_revision();

create or replace trigger refuse_truncate
before truncate on lockstep.project_revisions
for each statement execute function lockstep.guard_revision();

comment on trigger guard_update on lockstep.project_revisions is 'Revisions are append-only, for everybody.';
comment on trigger guard_delete on lockstep.project_revisions is
'Revisions go with their project only. The functions'' own role passes.';
comment on trigger refuse_truncate on lockstep.project_revisions is 'TRUNCATE is refused.';
