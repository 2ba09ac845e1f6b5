create or replace function lockstep.mirror_license()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_progress_level integer;
    v_progress_from integer;
begin
    if tg_op = 'DELETE' then
        delete from lockstep.specialization_progress as progress
        where progress.student_id = old.user_id
            and progress.specialization_id = old.specialization_type;
        return null;
    end if;

    -- The lock-order hook, or the trigger before the insert, holds this row already.
    select progress.current_level
    into v_progress_level
    from lockstep.specialization_progress as progress
    where progress.student_id = new.user_id
        and progress.specialization_id = new.specialization_type
    for no key update;

    v_progress_from := v_progress_level;

    if not found then
        insert into lockstep.specialization_progress (student_id, specialization_id, current_level)
        values (new.user_id, new.specialization_type, new.current_level)
        returning current_level into v_progress_level;
    elsif v_progress_level = new.current_level
        and lockstep.is_recorded(new.user_id, new.id, new.current_level)
    then
        return null;
    end if;

    perform lockstep.write_levels(
        p_user_id => new.user_id,
        p_specialization_id => new.specialization_type,
        p_license_id => new.id,
        p_progress_from => v_progress_from,
        p_license_from => case tg_op when 'UPDATE' then old.current_level end,
        p_to_level => new.current_level,
        p_write_progress => v_progress_level <> new.current_level,
        p_write_license => false,
        p_route => 'raw_sql'
    );

    return null;
end;
$function$;

comment on function lockstep.mirror_license() is
$comment$After raw SQL changed a level in user_licenses: brings the progress row into step, with history.

Makes a missing progress row; deletes the progress row of a deleted license.
Locks specialization_progress, which the lock-order hook holds already.$comment$;

revoke all on function lockstep.mirror_license() from public;

create or replace trigger mirror_insert
after insert on lockstep.user_licenses
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.mirror_license();

-- Only where the level differs: a note on a license must not heal a pair out of step.
create or replace trigger mirror_update
after update on lockstep.user_licenses
for each row when (current_user <> 'lockstep_coupler' and old.current_level is distinct from new.current_level)
execute function lockstep.mirror_license();

create or replace trigger mirror_delete
after delete on lockstep.user_licenses
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.mirror_license();

comment on trigger mirror_insert on lockstep.user_licenses is
'Raw INSERT: the progress row follows. The functions'' own role passes.';
comment on trigger mirror_update on lockstep.user_licenses is
'Raw UPDATE of the level: the progress row follows. The functions'' own role passes.';
comment on trigger mirror_delete on lockstep.user_licenses is
'Raw DELETE: the progress row goes too. The functions'' own role passes.';
