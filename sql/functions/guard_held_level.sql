create or replace function lockstep.guard_held_level()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_holders bigint;
    v_named text;
begin
    with holder as (
        select progress.student_id as user_id
        from lockstep.specialization_progress as progress
        where progress.specialization_id = old.specialization_id
            and progress.current_level = old.level
        union
        select license.user_id
        from lockstep.user_licenses as license
        where license.specialization_type = old.specialization_id
            and old.level in (license.current_level, license.max_achieved_level)
    )

    select
        count(*),
        string_agg(holder.user_id::text, ', ' order by holder.user_id) filter (where holder.place <= 20)
    into v_holders, v_named
    from (
        select holder.user_id, row_number() over (order by holder.user_id) as place
        from holder
    ) as holder;

    if v_holders > 0 then
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'level is held or has been achieved',
            detail = format(
                'specialization_id=%s level=%s holders=%s: user ids %s%s',
                old.specialization_id, old.level, v_holders, v_named,
                case when v_holders > 20 then ', …' else '' end
            ),
            hint = 'A level that somebody holds or has achieved stays.',
            schema = 'lockstep',
            table = 'specialization_levels';
    end if;

    return case tg_op when 'DELETE' then old else new end;
end;
$function$;

comment on function lockstep.guard_held_level() is
$comment$Before a level row goes: raises 23503 and names up to twenty who hold it or have achieved it.

The foreign keys refuse it too, for whoever reaches the level in between.$comment$;

revoke all on function lockstep.guard_held_level() from public;

create or replace trigger guard_held_delete
before delete on lockstep.specialization_levels
for each row execute function lockstep.guard_held_level();

create or replace trigger guard_held_update
before update on lockstep.specialization_levels
for each row
when (old.level is distinct from new.level or old.specialization_id is distinct from new.specialization_id)
execute function lockstep.guard_held_level();

comment on trigger guard_held_delete on lockstep.specialization_levels is
'A level that somebody holds or has achieved stays.';
comment on trigger guard_held_update on lockstep.specialization_levels is
'A level that somebody holds or has achieved keeps its number.';
