create or replace function lockstep.plan_adopted_levels(
    p_source text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    with read as (
        select
            staged.table_name,
            staged.source_id,
            specialization.id as specialization_id,
            level.level,
            level.required_xp,
            row_number() over (
                partition by staged.table_name, level.level
                order by level.required_xp is null, length(staged.source_id), staged.source_id
            ) as place
        from lockstep.adoption_staging as staged
        left outer join lockstep.specializations as specialization
            on specialization.id = upper(regexp_replace(staged.table_name, '_levels$', ''))
        cross join lateral lockstep.adopted_level(specialization.id, staged.content) as level
        where staged.table_name in ('player_levels', 'coach_levels', 'internship_levels')
    )

    update lockstep.adoption_staging as staged
    set specialization_id = read.specialization_id,
        target_id = read.level::text,
        outcome = case when fault.reason is not null then 'quarantined' end,
        reasons = array_remove(array[fault.reason], null)
    from read
    cross join lateral (
        select case
            when read.specialization_id is null then 'no_specialization'
            when read.level is null then 'no_level'
            when read.place > 1 then 'duplicate'
            when read.required_xp is null then 'impossible_figure'
        end as reason
    ) as fault
    where staged.table_name = read.table_name
        and staged.source_id = read.source_id;

    -- Levels run from 1 without a gap: what stands above one stays out.
    update lockstep.adoption_staging as staged
    set outcome = 'quarantined',
        reasons = array['level_gap']
    where staged.table_name in ('player_levels', 'coach_levels', 'internship_levels')
        and staged.outcome is null
        and exists (
            select from generate_series(1, staged.target_id::integer) as below (level)
            where not exists (
                select from lockstep.adoption_staging as other
                where other.table_name = staged.table_name
                    and other.target_id = below.level::text
                    and other.outcome is null
            )
                and not exists (
                    select from lockstep.specialization_levels as known
                    where known.specialization_id = staged.specialization_id
                        and known.level = below.level
                )
        );

    -- The level rows of a school are its curriculum, unless somebody else goes by those here: then these stand.
    update lockstep.adoption_staging as staged
    set outcome = judged.outcome,
        reasons = array_remove(array[judged.reason], null)
    from (
        select
            row.table_name,
            row.source_id,
            case
                when here.level is not null and wanted.* is not distinct from here.* then 'merged'
                when known.target_state is distinct from md5(here::text) and known.target_state is not null then 'conflict'
                when here.level is null or known.target_state is not null or not used.by_others then 'imported'
                else 'conflict'
            end as outcome,
            case
                when here.level is not null and wanted.* is not distinct from here.* then null
                when known.target_state is distinct from md5(here::text) and known.target_state is not null
                    then 'changed_here'
                when here.level is null then null
                when known.target_state is not null or not used.by_others then 'level_replaced'
                else 'level_differs'
            end as reason
        from lockstep.adoption_staging as row
        cross join lateral lockstep.adopted_level(row.specialization_id, row.content) as wanted
        left outer join lockstep.specialization_levels as here
            on here.specialization_id = row.specialization_id
            and here.level = wanted.level
        left outer join lockstep.adopted_rows as known
            on known.source = p_source
            and known.table_name = row.table_name
            and known.source_id = row.source_id
        cross join lateral (
            select lockstep.is_used_here(p_source, row.specialization_id) as by_others
        ) as used
        where row.table_name in ('player_levels', 'coach_levels', 'internship_levels')
            and row.outcome is null
    ) as judged
    where staged.table_name = judged.table_name
        and staged.source_id = judged.source_id;
end;
$function$;

comment on function lockstep.plan_adopted_levels(text) is
$comment$Says of each staged level row whether it comes over, is here, or has to stay out, and why.

A row that differs comes over where nobody is in the specialization but who came from this source.$comment$;

revoke all on function lockstep.plan_adopted_levels(text) from public;
