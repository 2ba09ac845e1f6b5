create or replace function lockstep.read_consistency(
    p_actor_id bigint,
    p_user_id bigint,
    p_specialization_id text
)
returns lockstep.consistency
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);

    return lockstep.validate_consistency(p_user_id, p_specialization_id);
end;
$function$;

comment on function lockstep.read_consistency(bigint, bigint, text) is
$comment$validate_consistency() for a person who signed in.

Raises LS001 no such user, LS002 no such specialization, LS032 not theirs to see. Locks nothing.$comment$;

revoke all on function lockstep.read_consistency(bigint, bigint, text) from public;
grant execute on function lockstep.read_consistency(bigint, bigint, text) to lockstep_app;
