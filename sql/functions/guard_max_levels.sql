create or replace function lockstep.guard_max_levels()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_levels bigint;
begin
    v_levels := (
        select count(*)
        from lockstep.specialization_levels as level
        where level.specialization_id = new.id
    );

    -- An INSERT that leaves it out says 0, also where ON CONFLICT will find the row.
    if new.max_levels <> v_levels and (tg_op = 'UPDATE' or new.max_levels <> 0) then
        raise exception using
            errcode = 'LS012',
            message = 'max_levels follows the level rows',
            detail = format('specialization_id=%s max_levels=%s level rows=%s', new.id, new.max_levels, v_levels),
            hint = 'Leave max_levels out; insert or delete rows of specialization_levels.';
    end if;

    return new;
end;
$function$;

comment on function lockstep.guard_max_levels() is
'Before max_levels is written: raises LS012 for a figure that the level rows do not back.';

revoke all on function lockstep.guard_max_levels() from public;

create or replace trigger guard_max_levels_insert
before insert on lockstep.specializations
for each row execute function lockstep.guard_max_levels();

create or replace trigger guard_max_levels_update
before update on lockstep.specializations
for each row when (old.max_levels is distinct from new.max_levels)
execute function lockstep.guard_max_levels();

comment on trigger guard_max_levels_insert on lockstep.specializations is
'A new specialization has no level rows yet, so max_levels starts at 0.';
comment on trigger guard_max_levels_update on lockstep.specializations is
'A hand-written figure that the level rows do not back is refused.';
