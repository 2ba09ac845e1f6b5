-- The tables of ours that go, with what is in them.
select class.relname::text
from pg_catalog.pg_class as class
where class.relnamespace = 'lockstep'::regnamespace
    and class.relkind = 'r'
    and class.relname not in (
        'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions',
        'legacy_player_levels', 'legacy_coach_levels', 'legacy_internship_levels',
        'quarantine', 'taken_over', 'guard_baseline', 'loaded_sources', 'settings',
        'schema_migrations', 'schema_migration_log', 'schema_migration_format'
    )
order by class.relname;
