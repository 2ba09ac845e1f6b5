create or replace function lockstep.list_run_items(
    p_run_id bigint,
    p_after_user_id bigint default null,
    p_after_specialization text default null,
    p_limit integer default 100
)
returns setof lockstep.run_items
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_run(p_run_id);

    return query
    select item.*
    from lockstep.run_items as item
    where item.run_id = p_run_id
        and (
            p_after_user_id is null
            or (item.user_id, item.specialization) > (p_after_user_id, p_after_specialization)
        )
    order by item.user_id, item.specialization
    limit p_limit;
end;
$function$;

comment on function lockstep.list_run_items(bigint, bigint, text, integer) is
$comment$What a run is to do to each pair and what came of it, by user and specialization, from after a given pair.

Raises LS015 no such run. Locks nothing.$comment$;

revoke all on function lockstep.list_run_items(bigint, bigint, text, integer) from public;
grant execute on function lockstep.list_run_items(bigint, bigint, text, integer) to lockstep_admin;
