-- Each table: rows found = kept + repaired + quarantined; rows now = kept + repaired + made. The same for XP
-- and levels: found = now + quarantined - made - what repairs added.
with touched as (
    select
        quarantine.table_name,
        quarantine.row_id,
        bool_or(quarantine.row_after is null) as is_out,
        bool_or(quarantine.row_before is null) as is_made,
        (array_agg(quarantine.row_before order by (quarantine.migration <> '0021'), quarantine.id)
            filter (where quarantine.row_before is not null))[1] as row_first,
        (array_agg(coalesce(quarantine.row_after, quarantine.row_before) order by (quarantine.migration <> '0021') desc, quarantine.id desc))[1] as row_last
    from lockstep.quarantine as quarantine
    group by quarantine.table_name, quarantine.row_id
),

summed as (
    select
        touched.table_name,
        count(*) filter (where touched.is_out) as quarantined,
        count(*) filter (where touched.is_made and not touched.is_out) as made,
        count(*) filter (where not touched.is_made and not touched.is_out) as repaired,
        coalesce(sum((touched.row_first ->> 'total_xp')::numeric) filter (where touched.is_out), 0) as xp_out,
        coalesce(sum(
            coalesce((touched.row_last ->> 'total_xp')::numeric, 0) - coalesce((touched.row_first ->> 'total_xp')::numeric, 0)
        ) filter (where not touched.is_out), 0) as xp_added,
        coalesce(sum((touched.row_first ->> 'current_level')::numeric) filter (where touched.is_out), 0) as levels_out,
        coalesce(sum(
            coalesce((touched.row_last ->> 'current_level')::numeric, 0)
            - coalesce((touched.row_first ->> 'current_level')::numeric, 0)
        ) filter (where not touched.is_out), 0) as levels_added
    from touched
    group by touched.table_name
)

select
    name.table_name,
    coalesce(summed.quarantined, 0),
    coalesce(summed.made, 0),
    coalesce(summed.repaired, 0),
    coalesce(summed.xp_out, 0),
    coalesce(summed.xp_added, 0),
    coalesce(summed.levels_out, 0),
    coalesce(summed.levels_added, 0)
from (values ('users'), ('specializations'), ('specialization_progress'), ('user_licenses'), ('license_progressions'))
as name (table_name)
left outer join summed on summed.table_name = name.table_name;
