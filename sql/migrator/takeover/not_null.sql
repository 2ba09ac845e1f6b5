-- What ours asks to be filled is filled by now: the statements that say so.
select format('alter table lockstep.%I alter column %I set not null', desk.name, model.attname)
from desk_table as desk
inner join pg_catalog.pg_attribute as model
    on model.attrelid = to_regclass('lockstep_model.' || desk.name)
    and model.attnum > 0
    and model.attnotnull
inner join pg_catalog.pg_attribute as ours on ours.attrelid = desk.catalog and ours.attname = model.attname
where desk.is_shaped and not ours.attnotnull;
