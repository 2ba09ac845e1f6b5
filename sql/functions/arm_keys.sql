create or replace function lockstep.arm_keys()
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_trigger record;
    v_unarmed bigint;
begin
    if current_setting('is_superuser') <> 'on' then
        v_unarmed := (
            select count(*)
            from lockstep.coupled_key_triggers as key_trigger
            where not key_trigger.armed
        );
        return format(
            case v_unarmed
                when 0 then 'keys are armed'
                else 'keys are not armed: %s of their triggers need a superuser to set them ENABLE ALWAYS'
            end,
            v_unarmed
        );
    end if;

    for v_trigger in
        select key_trigger.table_name, key_trigger.trigger_name
        from lockstep.coupled_key_triggers as key_trigger
        where not key_trigger.armed
    loop
        execute format(
            'alter table %s enable always trigger %I', v_trigger.table_name, v_trigger.trigger_name
        );
    end loop;

    return 'keys are armed';
end;
$function$;

comment on function lockstep.arm_keys() is
$comment$Sets the triggers of the coupling and level keys to ENABLE ALWAYS, so that they hold for the
replica role too. Only a superuser can; for others it says how many are not. Part of every installation;
to be called again after a restore, which does not keep it.$comment$;

revoke all on function lockstep.arm_keys() from public;
