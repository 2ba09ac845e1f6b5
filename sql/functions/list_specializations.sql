create or replace function lockstep.list_specializations()
returns setof lockstep.catalogue
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select entry.*
    from lockstep.catalogue as entry
    order by entry.id;
$function$;

comment on function lockstep.list_specializations() is 'The specializations, each with its levels. Locks nothing.';

revoke all on function lockstep.list_specializations() from public;
grant execute on function lockstep.list_specializations() to lockstep_app;
