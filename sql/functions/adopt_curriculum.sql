create or replace function lockstep.adopt_curriculum(
    p_source text
)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_lines jsonb;
begin
    -- A specialization that is not here comes over with the levels that it promises: nobody reaches them by XP
    -- until somebody writes figures into these rows.
    with made as (
        insert into lockstep.specializations (id, name, icon, is_active)
        select
            staged.source_id,
            coalesce(nullif(btrim(staged.content ->> 'name'), ''), staged.source_id),
            staged.content ->> 'icon',
            coalesce(staged.content ->> 'is_active', 'true') not in ('false', '0')
        from lockstep.adoption_staging as staged
        where staged.table_name = 'specializations'
            and staged.source_id = staged.content ->> 'id'
            and not exists (
                select from lockstep.adopted_rows as known
                where known.source = p_source
                    and known.table_name = staged.table_name
                    and known.source_id = staged.source_id
                    and known.outcome = 'imported'
            )
        order by staged.source_id
        on conflict on constraint specializations_pkey do nothing
        returning specializations.id
    ),

    marked as (
        update lockstep.adoption_staging as staged
        set outcome = 'imported'
        from made
        where staged.table_name = 'specializations'
            and staged.source_id = made.id
        returning
            made.id,
            least(greatest(coalesce((lockstep.adopted_figures(staged.content, array['max_levels']))[1], 1), 1), 100) as levels
    )

    insert into lockstep.specialization_levels (specialization_id, level, name, required_xp)
    select marked.id, level.n, format('Level %s', level.n), 9223372036854775807
    from marked
    cross join lateral generate_series(1, trunc(marked.levels)::integer) as level (n);

    perform lockstep.plan_adopted_levels(p_source);
    v_lines := lockstep.write_adopted_levels(p_source);

    update lockstep.adoption_staging as staged
    set specialization_id = specialization.id,
        level_found = read.max_levels,
        level_kept = specialization.max_levels,
        outcome = case
            when specialization.id is null then 'quarantined'
            else coalesce(row.outcome, 'merged')
        end,
        reasons = array_remove(array[
            case
                when specialization.id is null then 'no_specialization'
                when read.max_levels is distinct from specialization.max_levels then 'max_levels_differ'
            end
        ], null)
    from lockstep.adoption_staging as row
    left outer join lockstep.specializations as specialization on specialization.id = row.source_id
    cross join lateral (
        select (lockstep.adopted_figures(row.content, array['max_levels']))[1] as max_levels
    ) as read
    where row.table_name = 'specializations'
        and staged.table_name = row.table_name
        and staged.source_id = row.source_id;

    return v_lines;
end;
$function$;

comment on function lockstep.adopt_curriculum(text) is
$comment$Brings the staged specializations and levels over, before anybody's level is compared with them. The level rows of a
source win over any cap; they win over those here unless somebody else is in the specialization.

Returns what was kept, replaced, removed or left out, a line a level. In the transaction that plans: a dry run takes it
back. Runs as who migrates, because level rows are granted to nobody. Locks the specializations' rows.$comment$;

revoke all on function lockstep.adopt_curriculum(text) from public;
