create or replace function lockstep.list_desync(
    p_actor_id bigint,
    p_specialization_id text default null,
    p_after_user_id bigint default null,
    p_after_specialization text default null,
    p_limit integer default 100,
    p_issue_type text default null
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
    where (p_specialization_id is null or issue.specialization = p_specialization_id)
        and (p_issue_type is null or issue.issue_type = p_issue_type)
        and (
            p_after_user_id is null
            or issue.user_id > p_after_user_id
            or (issue.user_id = p_after_user_id and issue.specialization > p_after_specialization)
        )
        and lockstep.may_see(p_actor_id, issue.user_id)
    order by issue.user_id, issue.specialization
    limit p_limit;
end;
$function$;

comment on function lockstep.list_desync(bigint, text, bigint, text, integer, text) is
$comment$The pairs out of step that the actor may see, by user and specialization, from after a given one; p_issue_type: of this kind only.

Raises LS002 no such specialization. Locks nothing.$comment$;

revoke all on function lockstep.list_desync(bigint, text, bigint, text, integer, text) from public;
grant execute on function lockstep.list_desync(bigint, text, bigint, text, integer, text) to lockstep_app;
