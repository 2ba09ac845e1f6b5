create or replace function lockstep.mirror_progress()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_license lockstep.user_licenses;
    v_license_from integer;
begin
    if tg_op = 'DELETE' then
        delete from lockstep.user_licenses as license
        where license.user_id = old.student_id
            and license.specialization_type = old.specialization_id;
        return null;
    end if;

    -- Lock order, everywhere: specialization_progress (the statement holds it), then user_licenses.
    select license.*
    into v_license
    from lockstep.user_licenses as license
    where license.user_id = new.student_id
        and license.specialization_type = new.specialization_id
    for no key update;

    v_license_from := v_license.current_level;

    if not found then
        insert into lockstep.user_licenses (user_id, specialization_type, current_level, max_achieved_level)
        values (new.student_id, new.specialization_id, new.current_level, new.current_level)
        returning * into v_license;
    elsif v_license_from = new.current_level
        and lockstep.is_recorded(new.student_id, v_license.id, new.current_level)
    then
        return null;
    end if;

    perform lockstep.write_levels(
        p_user_id => new.student_id,
        p_specialization_id => new.specialization_id,
        p_license_id => v_license.id,
        p_progress_from => case tg_op when 'UPDATE' then old.current_level end,
        p_license_from => v_license_from,
        p_to_level => new.current_level,
        p_write_progress => false,
        p_write_license => v_license.current_level <> new.current_level,
        p_route => 'raw_sql'
    );

    return null;
end;
$function$;

comment on function lockstep.mirror_progress() is
$comment$After raw SQL changed a level in specialization_progress: brings the license into step, with history.

Makes a missing license; deletes the license of a deleted progress row.
Locks user_licenses; the statement itself holds specialization_progress.$comment$;

revoke all on function lockstep.mirror_progress() from public;

create or replace trigger mirror_insert
after insert on lockstep.specialization_progress
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.mirror_progress();

-- Only where the level differs: an award of XP must not heal a pair out of step to the wrong level.
create or replace trigger mirror_update
after update on lockstep.specialization_progress
for each row when (current_user <> 'lockstep_coupler' and old.current_level is distinct from new.current_level)
execute function lockstep.mirror_progress();

create or replace trigger mirror_delete
after delete on lockstep.specialization_progress
for each row when (current_user <> 'lockstep_coupler')
execute function lockstep.mirror_progress();

comment on trigger mirror_insert on lockstep.specialization_progress is
'Raw INSERT: the license follows. The functions'' own role passes.';
comment on trigger mirror_update on lockstep.specialization_progress is
'Raw UPDATE of the level: the license follows. The functions'' own role passes.';
comment on trigger mirror_delete on lockstep.specialization_progress is
'Raw DELETE: the license goes too. The functions'' own role passes.';
