-- How many students each level of each specialization has. Reads every pair.
select
    'lockstep'::text as school,
    pair.specialization,
    pair.progress_level as level,
    count(*) as students,
    sum(pair.total_xp) as total_xp
from lockstep.pairs as pair
group by pair.specialization, pair.progress_level
