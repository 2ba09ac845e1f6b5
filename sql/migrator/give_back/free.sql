-- The statements that let the tables hold again what they held: nothing has to be filled but the keys.
select format('alter table %s alter column %I drop not null', class.oid::regclass, att.attname)
from pg_catalog.pg_class as class
inner join pg_catalog.pg_attribute as att on att.attrelid = class.oid and att.attnum > 0 and att.attnotnull
where class.relnamespace = 'lockstep'::regnamespace
    and class.relname in (
        'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions'
    )
    -- What the baseline asks for, and nothing of a later version.
    and exists (
        select from pg_catalog.pg_attribute as model
        where model.attrelid = to_regclass('lockstep_model.' || class.relname) and model.attname = att.attname
    )
    and not exists (
        select from pg_catalog.pg_constraint as con
        where con.conrelid = class.oid and con.contype = 'p' and att.attnum = any(con.conkey)
    );
