create or replace function lockstep.guard_progression()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_license lockstep.user_licenses;
begin
    if tg_op in ('UPDATE', 'DELETE') then
        raise exception using
            errcode = 'LS010',
            message = 'history is append-only',
            detail = format('%s of license_progressions id=%s', tg_op, old.id),
            hint = 'Write a new row that corrects the old one.';
    end if;

    select license.*
    into v_license
    from lockstep.user_licenses as license
    where license.id = new.user_license_id;

    -- Lock order, everywhere: specialization_progress, then user_licenses (the foreign key locks it).
    perform lockstep.lock_progress_first(v_license.user_id, v_license.specialization_type);

    new.user_id := coalesce(v_license.user_id, new.user_id);
    new.route := 'client';
    new.progress_from_level := null;
    new.database_role := coalesce(nullif(current_setting('role'), 'none'), session_user);
    new.application_name := current_setting('application_name');
    new.client_address := inet_client_addr();
    new.transaction_id := pg_current_xact_id();

    return new;
end;
$function$;

comment on function lockstep.guard_progression() is
$comment$Keeps the history append-only, and marks a row that a client inserts itself as its remark.

Such a row gets route client, the user of the license, and who and where it really came from.
Raises LS010 for UPDATE and DELETE; what an erasure may empty, guard_erasure() says. Locks specialization_progress before an INSERT.$comment$;

revoke all on function lockstep.guard_progression() from public;

create or replace trigger guard_insert
before insert on lockstep.license_progressions
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_progression();

create or replace trigger guard_update
before update on lockstep.license_progressions
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_progression();

create or replace trigger guard_delete
before delete on lockstep.license_progressions
for each row execute function lockstep.guard_progression();

comment on trigger guard_insert on lockstep.license_progressions is
'A row of a client is a remark. The functions'' own role passes.';
comment on trigger guard_update on lockstep.license_progressions is
'History is append-only, for everybody. The functions'' own role meets guard_erasure.';
comment on trigger guard_delete on lockstep.license_progressions is 'History is append-only, for everybody.';
