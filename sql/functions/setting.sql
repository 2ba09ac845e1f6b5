create or replace function lockstep.setting(
    p_name text
)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select setting.value
    from lockstep.settings as setting
    where setting.name = p_name;
$function$;

comment on function lockstep.setting(text) is 'The value of a setting, null where there is none of this name.';

revoke all on function lockstep.setting(text) from public;
grant execute on function lockstep.setting(text) to lockstep_app, lockstep_admin, lockstep_readonly;
