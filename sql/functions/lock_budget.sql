create or replace function lockstep.lock_budget()
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select ceil(extract(epoch from lockstep.setting('lock_budget')::interval) * 1000)::text;
$function$;

comment on function lockstep.lock_budget() is
'The setting lock_budget as lock_timeout takes it: whole milliseconds, rounded up.';

revoke all on function lockstep.lock_budget() from public;
grant execute on function lockstep.lock_budget() to lockstep_app, lockstep_admin, lockstep_auth;
