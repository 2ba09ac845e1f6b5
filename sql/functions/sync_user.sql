create or replace function lockstep.sync_user(
    p_user_id bigint,
    p_specialization_id text,
    p_direction text,
    p_requested_by bigint default null,
    p_reason text default null
)
returns lockstep.sync_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_outcome lockstep.sync_outcome;
    v_state lockstep.consistency;
begin
    perform lockstep.check_specialization(p_specialization_id);

    select outcome.*
    into v_outcome
    from lockstep.sync_user_all(
        p_user_id, p_direction, p_specialization_id, p_requested_by, p_reason
    ) as outcome;

    if not found then
        v_state := lockstep.validate_consistency(p_user_id, p_specialization_id);
        v_outcome := row(
            p_user_id, p_specialization_id, 'none', v_state.level, v_state.level, false, v_state.message
        );
    end if;

    return v_outcome;
end;
$function$;

comment on function lockstep.sync_user(bigint, text, text, bigint, text) is
$comment$Repairs the pair of one user in one specialization, in this transaction; recorded as a run.

Returns its outcome; action none when it is in step.
Raises LS001 no such user or actor, LS002 no such specialization, LS006 another direction.
Locks specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.sync_user(bigint, text, text, bigint, text) from public;
grant execute on function lockstep.sync_user(bigint, text, text, bigint, text) to lockstep_admin;
