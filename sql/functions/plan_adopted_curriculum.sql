create or replace function lockstep.plan_adopted_curriculum()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update lockstep.adoption_staging as staged
    set specialization_id = specialization.id,
        level_found = (lockstep.adopted_figures(staged.content, array['max_levels']))[1],
        level_kept = specialization.max_levels,
        outcome = case when specialization.id is null then 'quarantined' else 'merged' end,
        reasons = case
            when specialization.id is null then array['no_specialization']
            when (lockstep.adopted_figures(staged.content, array['max_levels']))[1] is distinct from specialization.max_levels
                then array['max_levels_differ']
            else '{}'
        end
    from lockstep.adoption_staging as row
    left outer join lockstep.specializations as specialization on specialization.id = row.source_id
    where row.table_name = 'specializations'
        and staged.table_name = row.table_name
        and staged.source_id = row.source_id;

    -- The curriculum here stands; where the source asks for something else, its row is kept beside.
    update lockstep.adoption_staging as staged
    set specialization_id = known.specialization_id,
        outcome = case when known.level is null then 'quarantined' else 'merged' end,
        reasons = case
            when known.level is null then array['no_level']
            when exists (
                select from jsonb_each_text(to_jsonb(known)) as here (name, value)
                where here.name in (
                    'name', 'required_xp', 'required_sessions', 'theory_hours', 'practice_hours', 'total_hours'
                )
                    and row.content ? here.name
                    and coalesce(
                        (lockstep.adopted_figures(row.content, array[here.name]))[1]
                        <> (lockstep.adopted_figures(to_jsonb(known), array[here.name]))[1],
                        row.content ->> here.name is distinct from here.value
                    )
            ) then array['level_differs']
            else '{}'
        end
    from lockstep.adoption_staging as row
    left outer join lockstep.specialization_levels as known
        on known.specialization_id = upper(regexp_replace(row.table_name, '_levels$', ''))
        and known.level::text = coalesce(row.content ->> 'level', row.source_id)
    where row.table_name in ('player_levels', 'coach_levels', 'internship_levels')
        and staged.table_name = row.table_name
        and staged.source_id = row.source_id;
end;
$function$;

comment on function lockstep.plan_adopted_curriculum() is
'Compares the staged specializations and levels with those here, which stand: the level rows win over any cap.';

revoke all on function lockstep.plan_adopted_curriculum() from public;
