create or replace function lockstep.find_desync(
    p_specialization_id text default null
)
returns setof lockstep.desync
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_specialization_id is not null then
        perform lockstep.check_specialization(p_specialization_id);
    end if;

    return query
    select issue.*
    from lockstep.desync as issue
    where p_specialization_id is null
        or issue.specialization = p_specialization_id
    order by issue.user_id, issue.specialization;
end;
$function$;

comment on function lockstep.find_desync(text) is
$comment$The rows of the desync view, of one specialization or (null) of all, by user and specialization.

Raises LS002 no such specialization. Locks nothing.$comment$;

revoke all on function lockstep.find_desync(text) from public;
grant execute on function lockstep.find_desync(text) to lockstep_app, lockstep_admin, lockstep_readonly;
