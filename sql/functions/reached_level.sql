create or replace function lockstep.reached_level(
    p_specialization_id text,
    p_from_level integer,
    p_total_xp bigint,
    p_completed_sessions integer,
    p_theory_hours numeric,
    p_practice_hours numeric
)
returns integer
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_unmet integer;
begin
    v_unmet := (
        select level.level
        from lockstep.specialization_levels as level
        where level.specialization_id = p_specialization_id
            and level.level > p_from_level
            and (
                level.required_xp > p_total_xp
                or level.required_sessions > p_completed_sessions
                or level.theory_hours > p_theory_hours
                or level.practice_hours > p_practice_hours
            )
        order by level.level
        limit 1
    );

    return coalesce(v_unmet - 1, (
        select max(level.level)
        from lockstep.specialization_levels as level
        where level.specialization_id = p_specialization_id
    ));
end;
$function$;

comment on function lockstep.reached_level(text, integer, bigint, integer, numeric, numeric) is
$comment$The level that these totals reach from this level: one at a time, up to the first level whose XP,
sessions or (where asked for) hours are not all met. Totals since the start; total_hours is not asked.$comment$;

revoke all on function lockstep.reached_level(text, integer, bigint, integer, numeric, numeric) from public;
grant execute on function lockstep.reached_level(text, integer, bigint, integer, numeric, numeric)
to lockstep_app, lockstep_admin;
