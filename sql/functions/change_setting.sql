create or replace function lockstep.change_setting(
    p_name text,
    p_value text
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_setting lockstep.settings;
    v_allowed boolean;
begin
    select setting.*
    into v_setting
    from lockstep.settings as setting
    where setting.name = p_name
    for no key update;

    if not found or p_value is null then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('setting %s, value %s', coalesce(p_name, 'null'), coalesce(p_value, 'null')),
            hint = 'See lockstep.settings for those that exist and their units.';
    end if;

    -- A value that cannot be read fails here (22P02, 22007), not at its next use.
    case v_setting.kind
        when 'integer' then
            v_allowed := p_value::integer >= 1;
        when 'interval' then
            v_allowed := case
                when p_name in (
                    'sync_pause', 'health_budget', 'queue_patience', 'queue_retry_pause', 'incident_quiet'
                ) then p_value::interval >= '0'
                -- 0 would be no timeout at all.
                when p_name in ('sync_lock_timeout', 'lock_budget') then p_value::interval between '1 ms' and '1 day'
                else p_value::interval > '0'
            end and p_value::interval <= '100 years';
        else
            v_allowed := case p_name
                when 'reconcile_direction'
                    then p_value in ('progress_to_license', 'license_to_progress', 'to_higher_level')
                when 'require_if_match' then p_value in ('on', 'off')
                else true
            end;
    end case;

    if not v_allowed then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('setting %s, value %s', p_name, p_value),
            hint = 'Integers start at 1; intervals are above 0 (sync_pause, health_budget, queue_patience,'
                ' queue_retry_pause and incident_quiet: 0 or more), at most 100 years, sync_lock_timeout and lock_budget a day;'
                ' reconcile_direction is one of the three directions; require_if_match is on or off.';
    end if;

    update lockstep.settings as setting
    set value = p_value
    where setting.name = p_name;

    return v_setting.value;
end;
$function$;

comment on function lockstep.change_setting(text, text) is
$comment$Changes a setting; read at its next use. Returns the value before.

Raises LS006 when there is no such setting or the value would stop what it steers, 22007 or 22P02 for a value that is not of its kind. Locks its row.$comment$;

revoke all on function lockstep.change_setting(text, text) from public;
grant execute on function lockstep.change_setting(text, text) to lockstep_admin;
