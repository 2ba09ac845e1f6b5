create or replace function lockstep.start_adoption(
    p_source text,
    p_timezone text,
    p_direction text
)
returns lockstep.adoption_runs
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run lockstep.adoption_runs;
    v_sequence constant regclass := pg_get_serial_sequence('lockstep.users', 'id')::regclass;
begin
    insert into lockstep.adoption_runs (source, timezone, direction)
    values (p_source, p_timezone, p_direction)
    returning * into v_run;

    -- Users keep their ids: whoever signs up meanwhile gets one after them.
    perform setval(v_sequence, greatest(nextval(v_sequence), (
        select max(staged.user_id)
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
    )));

    -- Levels came with the plan.
    perform lockstep.record_adopted(
        v_run.id, array['specializations', 'player_levels', 'coach_levels', 'internship_levels']
    );

    return v_run;
end;
$function$;

comment on function lockstep.start_adoption(text, text, text) is
$comment$Enters an adoption that is planned already into the ledger with its levels, and keeps the ids of its users free.

Raises 23514 for another direction.$comment$;

revoke all on function lockstep.start_adoption(text, text, text) from public;
