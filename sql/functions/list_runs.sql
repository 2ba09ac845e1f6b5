create or replace function lockstep.list_runs(
    p_before_id bigint default null,
    p_limit integer default 100
)
returns setof lockstep.runs
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select run.*
    from lockstep.runs as run
    where p_before_id is null
        or run.run_id < p_before_id
    order by run.run_id desc
    limit p_limit;
$function$;

comment on function lockstep.list_runs(bigint, integer) is
'The runs of repair, newest first; the next page is what came before the last id. Locks nothing.';

revoke all on function lockstep.list_runs(bigint, integer) from public;
grant execute on function lockstep.list_runs(bigint, integer) to lockstep_admin;
