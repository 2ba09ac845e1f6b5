-- How many rows the take-over has written into the history.
select coalesce(sum(jsonb_array_length(taken.detail)), 0)
from lockstep.taken_over as taken
where taken.kind = 'history';
