-- Why rows were repaired, quarantined or made, and how many; a row may be named under several reasons.
select
    case
        when quarantine.row_after is null then 'quarantined'
        when quarantine.row_before is null then 'made'
        else 'repaired'
    end,
    quarantine.table_name,
    -- Without the figures of one row.
    regexp_replace(regexp_replace(quarantine.reason, '\d+', 'n', 'g'), 'specialization \S+ does', 'specialization does'),
    count(*)
from lockstep.quarantine as quarantine
group by 1, 2, 3
union all
select 'moved', 'license_progressions', 'history of a duplicate license, now of the survivor', sum(cardinality(quarantine.moved_references))
from lockstep.quarantine as quarantine
having sum(cardinality(quarantine.moved_references)) > 0
order by 1, 2, 4 desc, 3;
