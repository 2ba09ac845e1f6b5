-- Why rows were repaired, merged, quarantined or made, and how many, in the words of adoption_outcomes.
select found.outcome, found.table_name, array_to_string(found.reasons, ', '), count(*)
from lockstep.adoption_outcomes as found
where found.way = 'in place'
group by found.outcome, found.table_name, found.reasons
union all
select
    'moved', 'license_progressions', 'history of a duplicate license, now of the survivor',
    sum(cardinality(quarantine.moved_references))
from lockstep.quarantine as quarantine
having sum(cardinality(quarantine.moved_references)) > 0
order by 1, 2, 4 desc, 3;
