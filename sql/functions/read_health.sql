create or replace function lockstep.read_health()
returns setof lockstep.health
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select state.*
    from lockstep.health as state;
$function$;

comment on function lockstep.read_health() is 'The one row of the view health. Locks nothing.';

revoke all on function lockstep.read_health() from public;
grant execute on function lockstep.read_health() to lockstep_admin;
