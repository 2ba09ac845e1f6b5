create or replace function lockstep.update_level(
    p_user_id bigint,
    p_specialization_id text,
    p_new_level integer,
    p_xp_change bigint default 0,
    p_sessions_change integer default 0,
    p_projects_change integer default 0,
    p_theory_hours_change numeric default 0,
    p_practice_hours_change numeric default 0,
    p_advanced_by bigint default null,
    p_reason text default null,
    p_idempotency_key text default null
)
returns lockstep.level_change
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not (row(
        p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change,
        p_projects_change, p_theory_hours_change, p_practice_hours_change
    ) is not null) then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user, specialization, new level and the changes may not be null',
            hint = 'Leave a change out, or give 0, for none.';
    end if;

    return lockstep.change_pair(
        'update_level', p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change,
        p_projects_change, p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason,
        p_idempotency_key
    );
end;
$function$;

comment on function lockstep.update_level(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text
) is
$comment$Sets the level of a pair, up or down, and adds to its totals: all of it or nothing.

Makes a missing pair. On a pair out of step it sets both sides and returns both old levels. XP in points,
hours with two decimals. The same idempotency key and arguments return the first answer.
Raises LS001 no such user or actor, LS002 no such specialization, LS003 no such level, LS004 a total would fall below
0, LS005 hours where none are counted, LS006 invalid argument, LS007 key used otherwise; 40001, 40P01: retry.
Locks the key, then specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.update_level(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text
) from public;
grant execute on function lockstep.update_level(
    bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text
) to lockstep_app, lockstep_admin;
