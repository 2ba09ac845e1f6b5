create or replace function lockstep.read_history(
    p_actor_id bigint,
    p_user_id bigint,
    p_specialization_id text,
    p_before_id bigint default null,
    p_limit integer default 100
)
returns setof lockstep.level_history
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    return query
    select change.*
    from lockstep.level_history as change
    where change.user_id = p_user_id
        and change.specialization = p_specialization_id
        and (p_before_id is null or change.id < p_before_id)
    order by change.id desc
    limit p_limit;
end;
$function$;

comment on function lockstep.read_history(bigint, bigint, text, bigint, integer) is
$comment$The level changes of a pair, newest first; the next page is what came before the last id.

Raises LS001 no such user, LS002 no such specialization, LS032 not theirs to see. Locks nothing.$comment$;

revoke all on function lockstep.read_history(bigint, bigint, text, bigint, integer) from public;
grant execute on function lockstep.read_history(bigint, bigint, text, bigint, integer) to lockstep_app;
