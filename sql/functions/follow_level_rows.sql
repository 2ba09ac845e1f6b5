create or replace function lockstep.follow_level_rows()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_specialization_id text;
    v_levels bigint;
    v_highest integer;
begin
    foreach v_specialization_id in array array_remove(array[
        case when tg_op <> 'INSERT' then old.specialization_id end,
        case when tg_op <> 'DELETE' then new.specialization_id end
    ], null)
    loop
        -- Two writers of levels go one after the other: the second counts what the first committed.
        perform
        from lockstep.specializations as specialization
        where specialization.id = v_specialization_id
        for no key update;

        select count(*), max(level.level)
        into v_levels, v_highest
        from lockstep.specialization_levels as level
        where level.specialization_id = v_specialization_id;

        if v_levels <> coalesce(v_highest, 0) then
            raise exception using
                errcode = 'LS011',
                message = 'levels run from 1 without a gap',
                detail = format(
                    'specialization_id=%s: %s rows, the highest is %s', v_specialization_id, v_levels, v_highest
                ),
                hint = 'Add the next level, or remove the highest.';
        end if;

        update lockstep.specializations as specialization
        set max_levels = v_levels,
            updated_at = clock_timestamp()
        where specialization.id = v_specialization_id
            and specialization.max_levels <> v_levels;
    end loop;

    return null;
end;
$function$;

comment on function lockstep.follow_level_rows() is
$comment$After a write of level rows: they still run from 1 to n, and max_levels is n, in the same statement.

Raises LS011 for a gap. Locks the specialization's row.$comment$;

revoke all on function lockstep.follow_level_rows() from public;

create or replace trigger follow_insert
after insert on lockstep.specialization_levels
for each row execute function lockstep.follow_level_rows();

create or replace trigger follow_update
after update on lockstep.specialization_levels
for each row
when (old.level is distinct from new.level or old.specialization_id is distinct from new.specialization_id)
execute function lockstep.follow_level_rows();

create or replace trigger follow_delete
after delete on lockstep.specialization_levels
for each row execute function lockstep.follow_level_rows();

comment on trigger follow_insert on lockstep.specialization_levels is 'max_levels follows the level rows.';
comment on trigger follow_update on lockstep.specialization_levels is 'max_levels follows the level rows.';
comment on trigger follow_delete on lockstep.specialization_levels is 'max_levels follows the level rows.';
