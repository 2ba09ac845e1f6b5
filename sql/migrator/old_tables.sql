-- The tables of an older system that stand in public, and what they are; none unless the coupled two
-- are among them: plenty of applications have a table `users`.
select class.oid::regclass::text, class.relname::text, class.relkind::text
from pg_catalog.pg_class as class
where class.relnamespace = to_regnamespace('public')
    and class.relname in (
        'users', 'specializations', 'specialization_progress', 'user_licenses', 'license_progressions',
        'player_levels', 'coach_levels', 'internship_levels'
    )
    and class.relkind in ('r', 'p', 'f', 'v', 'm')
    and (
        select count(*)
        from pg_catalog.pg_class as coupled
        where coupled.relnamespace = class.relnamespace
            and coupled.relname in ('specialization_progress', 'user_licenses')
            and coupled.relkind in ('r', 'p', 'f', 'v', 'm')
    ) = 2
order by class.relname;
