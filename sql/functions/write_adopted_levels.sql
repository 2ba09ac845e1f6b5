create or replace function lockstep.write_adopted_levels(
    p_source text
)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_lines jsonb;
    v_removed jsonb;
begin
    -- What is new, or changed in the source, and not as our rows have it.
    v_lines := (
        select coalesce(jsonb_agg(jsonb_build_object(
            'table_name', staged.table_name,
            'level', staged.target_id,
            'outcome', staged.outcome,
            'reason', staged.reasons[1],
            'there', staged.content,
            'here', to_jsonb(here)
        ) order by staged.table_name, length(staged.target_id), staged.target_id, staged.source_id), '[]')
        from lockstep.adoption_staging as staged
        left outer join lockstep.specialization_levels as here
            on here.specialization_id = staged.specialization_id
            and here.level::text = staged.target_id
        left outer join lockstep.adopted_rows as known
            on known.source = p_source
            and known.table_name = staged.table_name
            and known.source_id = staged.source_id
        where staged.table_name in ('player_levels', 'coach_levels', 'internship_levels')
            and staged.outcome <> 'merged'
            and known.hash is distinct from staged.hash
    );

    -- Ours above the highest of the source go with the first adoption, but for what somebody there holds or has achieved.
    with held as (
        select
            coalesce(side.content ->> 'specialization_id', side.content ->> 'specialization_type') as specialization_id,
            figure.level
        from lockstep.adoption_staging as side
        cross join lateral unnest(
            lockstep.adopted_figures(side.content, array['current_level', 'max_achieved_level'])
        ) as figure (level)
        where side.table_name in ('specialization_progress', 'user_licenses')
    ),

    highest as (
        select staged.table_name, staged.specialization_id, max(staged.target_id::integer) as level
        from lockstep.adoption_staging as staged
        where staged.table_name in ('player_levels', 'coach_levels', 'internship_levels')
            and staged.outcome in ('imported', 'merged')
        group by staged.table_name, staged.specialization_id
    ),

    removed as (
        delete from lockstep.specialization_levels as level
        using highest
        where level.specialization_id = highest.specialization_id
            and level.level > highest.level
            and not lockstep.is_used_here(p_source, highest.specialization_id)
            and not exists (
                select from lockstep.adopted_rows as known
                where known.source = p_source
                    and known.table_name = highest.table_name
            )
            and not exists (
                select from lockstep.specialization_levels as above
                inner join held on held.specialization_id = above.specialization_id and held.level = above.level
                where above.specialization_id = level.specialization_id
                    and above.level >= level.level
            )
        returning highest.table_name, level.*
    )

    select coalesce(jsonb_agg(jsonb_build_object(
        'table_name', removed.table_name,
        'level', removed.level::text,
        'outcome', 'removed',
        'reason', 'level_not_there',
        'there', null,
        'here', to_jsonb(removed) - 'table_name'
    ) order by removed.table_name, removed.level), '[]')
    into v_removed
    from removed;

    insert into lockstep.specialization_levels
    select level.*
    from lockstep.adoption_staging as staged
    cross join lateral lockstep.adopted_level(staged.specialization_id, staged.content) as level
    where staged.table_name in ('player_levels', 'coach_levels', 'internship_levels')
        and staged.outcome = 'imported'
    order by level.specialization_id, level.level
    on conflict on constraint specialization_levels_pkey do update
    set name = excluded.name,
        name_en = excluded.name_en,
        color = excluded.color,
        required_xp = excluded.required_xp,
        required_sessions = excluded.required_sessions,
        theory_hours = excluded.theory_hours,
        practice_hours = excluded.practice_hours,
        total_hours = excluded.total_hours;

    return v_lines || v_removed;
end;
$function$;

comment on function lockstep.write_adopted_levels(text) is
$comment$Writes the level rows that come over, and removes those that the source does not have and nobody needs.

Returns a line for each, and for each row that is left out. Locks the specializations' rows.$comment$;

revoke all on function lockstep.write_adopted_levels(text) from public;
