-- What does not come back as it was, besides whole tables.
with last as (
    select distinct on (quarantine.table_name, quarantine.row_id, quarantine.user_id)
        quarantine.table_name,
        quarantine.row_id,
        quarantine.user_id,
        quarantine.row_before is null as is_made,
        quarantine.row_after
    from lockstep.quarantine as quarantine
    where quarantine.migration in ('0004', '0005')
        and quarantine.row_after is not null
    order by quarantine.table_name, quarantine.row_id, quarantine.user_id, quarantine.id desc
),

written as (
    select last.table_name, last.is_made
    from last
    inner join lockstep.specialization_progress as progress
        on progress.student_id = last.user_id
        and progress.id = last.row_id::bigint
    where last.table_name = 'specialization_progress'
        and not to_jsonb(progress) @> last.row_after
    union all
    select last.table_name, last.is_made
    from last
    inner join lockstep.user_licenses as license
        on license.user_id = last.user_id
        and license.id = last.row_id::bigint
    where last.table_name = 'user_licenses'
        and not to_jsonb(license) @> last.row_after
)

select
    'stays', written.table_name, format(
        '%s rows that the take-over %s were written since: they stay as they are now',
        count(*), case when written.is_made then 'made' else 'repaired' end
    )
from written
group by written.table_name, written.is_made
union all
select
    'lost', 'license_progressions', format(
        'who, how and in which transaction, of %s rows that Lockstep wrote; the rows stay', count(*)
    )
from lockstep.license_progressions as progression
where progression.route <> 'client'
    and progression.id not in (
        select made.id::bigint
        from desk_found as found
        cross join lateral jsonb_array_elements_text(found.detail) as made (id)
        where found.kind = 'history'
    )
having count(*) > 0
union all
select 'lost', 'license_progressions', format('%s rows that the take-over wrote about its repairs', jsonb_array_length(found.detail))
from desk_found as found
where found.kind = 'history'
union all
select 'stays', 'erasures', format('%s people were erased: their words do not come back', count(*))
from lockstep.erasures
having count(*) > 0;
