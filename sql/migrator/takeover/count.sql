-- Rows and figures of the tables as they stand.
select 'users' as name, count(*) as rows, null::numeric as xp, null::numeric as levels from lockstep.users
union all
select 'specializations', count(*), null, null from lockstep.specializations
union all
select 'specialization_progress', count(*), sum(progress.total_xp), sum(progress.current_level)
from lockstep.specialization_progress as progress
union all
select 'user_licenses', count(*), null, sum(license.current_level) from lockstep.user_licenses as license
union all
select 'license_progressions', count(*), null, null from lockstep.license_progressions;
