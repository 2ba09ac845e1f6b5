create or replace function lockstep.read_progress(
    p_actor_id bigint,
    p_user_id bigint,
    p_specialization_id text default null
)
returns setof lockstep.pairs
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);

    if p_specialization_id is not null then
        perform lockstep.check_specialization(p_specialization_id);
    end if;

    return query
    select pair.*
    from lockstep.pairs as pair
    where pair.user_id = p_user_id
        and (p_specialization_id is null or pair.specialization = p_specialization_id)
    order by pair.specialization;

    if not found and p_specialization_id is not null then
        raise exception using
            errcode = 'LS040',
            message = 'nothing was begun in this specialization',
            detail = format('user_id=%s specialization_id=%s', p_user_id, p_specialization_id),
            hint = 'A first award of XP makes the pair.';
    end if;
end;
$function$;

comment on function lockstep.read_progress(bigint, bigint, text) is
$comment$What a user has earned and holds: in one specialization, or (null) in each.

Raises LS001 no such user, LS002 no such specialization, LS032 not theirs to see, LS040 nothing begun there.
Locks nothing.$comment$;

revoke all on function lockstep.read_progress(bigint, bigint, text) from public;
grant execute on function lockstep.read_progress(bigint, bigint, text) to lockstep_app;
