-- The desk of a give-back: what the take-over found, and the rows that it cleaned by itself.
create temporary table desk_found on commit drop as
select taken.id as position, taken.step, taken.kind, taken.name, taken.detail, taken.undo
from lockstep.taken_over as taken;

create temporary table desk_row on commit drop as
select quarantine.id, quarantine.table_name, quarantine.reason, quarantine.row_id, quarantine.row_before, quarantine.row_after
from lockstep.quarantine as quarantine
where quarantine.migration = '0021';
