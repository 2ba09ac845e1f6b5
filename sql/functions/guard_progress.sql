create or replace function lockstep.guard_progress()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if tg_op = 'INSERT' then
        -- Nothing is locked yet, so this is where a raw insert joins the lock order: the user's
        -- row (there may be no progress row yet), then specialization_progress, then user_licenses.
        perform lockstep.lock_before_insert(new.student_id, new.specialization_id);
        return new;
    end if;

    if tg_op = 'DELETE' then
        perform lockstep.refuse_delete_with_history(old.student_id, old.specialization_id);
        return old;
    end if;

    if new.student_id <> old.student_id or new.specialization_id <> old.specialization_id then
        raise exception using
            errcode = 'LS009',
            message = 'a record cannot move to another user or specialization',
            detail = format(
                'specialization_progress id=%s from (%s, %s) to (%s, %s)',
                old.id, old.student_id, old.specialization_id, new.student_id, new.specialization_id
            ),
            hint = 'Make the other pair with update_level(); this one keeps its history.';
    end if;

    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;

    return new;
end;
$function$;

comment on function lockstep.guard_progress() is
$comment$Before raw SQL writes specialization_progress: locks in order, keeps the key and the history.

Raises LS008 for a DELETE of a pair with history, LS009 for a change of the key.
Locks the user's row and specialization_progress before an INSERT.$comment$;

revoke all on function lockstep.guard_progress() from public;

create or replace trigger guard_insert
before insert on lockstep.specialization_progress
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_progress();

create or replace trigger guard_update
before update on lockstep.specialization_progress
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_progress();

create or replace trigger guard_delete
before delete on lockstep.specialization_progress
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_progress();

comment on trigger guard_insert on lockstep.specialization_progress is
'Raw INSERT: locks in order. The functions'' own role passes.';
comment on trigger guard_update on lockstep.specialization_progress is
'Raw UPDATE: the key stays, updated_at follows. The functions'' own role passes.';
comment on trigger guard_delete on lockstep.specialization_progress is
'Raw DELETE: refused where there is history. The functions'' own role passes.';
