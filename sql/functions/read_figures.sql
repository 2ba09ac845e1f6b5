create or replace function lockstep.read_figures()
returns setof lockstep.figures
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select figure.*
    from lockstep.figures as figure;
$function$;

comment on function lockstep.read_figures() is
$comment$What /metrics shows of the database beside service_state: the rows of figures.

For anybody, as it names no person. Locks nothing.$comment$;

revoke all on function lockstep.read_figures() from public;
grant execute on function lockstep.read_figures() to lockstep_app;
