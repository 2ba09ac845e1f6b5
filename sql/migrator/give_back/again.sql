-- What stood on the old tables, in the order in which it is made again.
select found.kind, found.name, found.undo
from desk_found as found
where found.undo is not null
order by found.step, (found.detail ->> 'depth')::integer, found.position;
