-- By table, the last id that was given out.
select
    class.relname::text,
    pg_sequence_last_value(pg_get_serial_sequence(format('%I.%I', namespace.nspname, class.relname), 'id')::regclass)
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relnamespace = 'lockstep'::regnamespace
    and class.relname in ('users', 'specialization_progress', 'user_licenses', 'license_progressions');
