create or replace function lockstep.guard_license()
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
        perform lockstep.lock_before_insert(new.user_id, new.specialization_type);
        new.max_achieved_level := greatest(new.max_achieved_level, new.current_level);
        return new;
    end if;

    if tg_op = 'DELETE' then
        perform lockstep.refuse_delete_with_history(old.user_id, old.specialization_type);
        return old;
    end if;

    if new.user_id <> old.user_id or new.specialization_type <> old.specialization_type then
        raise exception using
            errcode = 'LS009',
            message = 'a record cannot move to another user or specialization',
            detail = format(
                'user_licenses id=%s from (%s, %s) to (%s, %s)',
                old.id, old.user_id, old.specialization_type, new.user_id, new.specialization_type
            ),
            hint = 'Make the other pair with update_level(); this one keeps its history.';
    end if;

    if new.max_achieved_level < old.max_achieved_level then
        raise exception using
            errcode = 'check_violation',
            message = 'max_achieved_level never falls',
            detail = format(
                'user_licenses id=%s from %s to %s', old.id, old.max_achieved_level, new.max_achieved_level
            ),
            hint = 'Leave it out: it follows the level by itself.',
            schema = 'lockstep',
            table = 'user_licenses',
            column = 'max_achieved_level';
    end if;

    new.max_achieved_level := greatest(new.max_achieved_level, new.current_level);

    if new.current_level <> old.current_level and new.last_advanced_at is not distinct from old.last_advanced_at then
        new.last_advanced_at := clock_timestamp();
    end if;

    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;

    return new;
end;
$function$;

comment on function lockstep.guard_license() is
$comment$Before raw SQL writes user_licenses: locks in order, keeps the key, the history and the highest level.

Raises LS008 for a DELETE of a pair with history, LS009 for a change of the key, 23514 when
max_achieved_level would fall; it rises with the level by itself.
Locks the user's row and specialization_progress before an INSERT.$comment$;

revoke all on function lockstep.guard_license() from public;

create or replace trigger guard_insert
before insert on lockstep.user_licenses
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_license();

create or replace trigger guard_update
before update on lockstep.user_licenses
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_license();

create or replace trigger guard_delete
before delete on lockstep.user_licenses
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.guard_license();

comment on trigger guard_insert on lockstep.user_licenses is
'Raw INSERT: locks in order, lifts max_achieved_level. The functions'' own role passes.';
comment on trigger guard_update on lockstep.user_licenses is
'Raw UPDATE: the key stays, max_achieved_level follows and never falls. The functions'' own role passes.';
comment on trigger guard_delete on lockstep.user_licenses is
'Raw DELETE: refused where there is history. The functions'' own role passes.';
