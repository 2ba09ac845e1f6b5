-- The statements that put the rows of the old level tables on the desk: which of them there are, and with
-- which columns, only the catalog knows.
select format(
    'insert into desk_level (specialization_id, table_name, row_id, theirs)'
    ' select %L, %L, coalesce(to_jsonb(found) ->> ''id'', ''''), to_jsonb(found) from lockstep.%I as found',
    upper(regexp_replace(desk.name, '_levels$', '')), desk.name, 'legacy_' || desk.name
)
from desk_table as desk
where not desk.is_shaped;
