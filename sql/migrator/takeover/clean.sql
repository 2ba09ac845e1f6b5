-- What the keys and the defaults of the baseline do not allow. The migrations clean the rest: duplicates,
-- orphans, impossible levels and figures, desync. Each row stands whole on the desk.

-- People: a mail that is missing or another's becomes one that nobody has; an unknown role the lowest.
with judged as (
    select
        person.id,
        to_jsonb(person) as row_before,
        coalesce(trim(person.email), '') = '' as is_without_mail,
        row_number() over (partition by lower(trim(person.email)) order by person.id) > 1 as is_second,
        first_value(person.id) over (partition by lower(trim(person.email)) order by person.id) as first_id,
        case when lower(trim(person.role)) in ('student', 'instructor', 'admin') then lower(trim(person.role)) end as role,
        person.created_at,
        person.updated_at
    from lockstep.users as person
),

decided as (
    select
        judged.*,
        jsonb_build_object(
            'email', case
                when judged.is_without_mail then format('user-%s@unknown.invalid', judged.id)
                when judged.is_second then format('user-%s@duplicate.invalid', judged.id)
                else judged.row_before ->> 'email'
            end,
            'name', coalesce(judged.row_before ->> 'name', ''),
            'role', coalesce(judged.role, 'student'),
            'is_active', coalesce((judged.row_before ->> 'is_active')::boolean, true),
            'created_at', coalesce(judged.created_at, judged.updated_at, now()),
            'updated_at', coalesce(judged.updated_at, judged.created_at, now())
        ) as change,
        num_nulls(
            judged.row_before ->> 'name', judged.row_before ->> 'is_active', judged.created_at, judged.updated_at
        ) > 0 as is_incomplete
    from judged
)

insert into desk_row (table_name, reason, row_id, row_before, row_after, survivor_id)
select
    'users',
    concat_ws(
        '; ',
        case when decided.is_without_mail then 'no mail' end,
        case when decided.is_second and not decided.is_without_mail then format('mail of user %s', decided.first_id) end,
        case
            when decided.role is distinct from decided.row_before ->> 'role'
                then format('role %s', decided.row_before ->> 'role')
        end,
        case when decided.is_incomplete then 'value missing' end
    ),
    decided.id::text,
    decided.row_before || jsonb_build_object('user_id', decided.id),
    decided.row_before || decided.change || jsonb_build_object('user_id', decided.id),
    case when decided.is_second and not decided.is_without_mail then decided.first_id end
from decided
where decided.row_before <> decided.row_before || decided.change;

update lockstep.users as person
set email = changed.row_after ->> 'email',
    name = changed.row_after ->> 'name',
    role = changed.row_after ->> 'role',
    is_active = (changed.row_after ->> 'is_active')::boolean,
    created_at = (changed.row_after ->> 'created_at')::timestamptz,
    updated_at = (changed.row_after ->> 'updated_at')::timestamptz
from desk_row as changed
where changed.table_name = 'users'
    and person.id = changed.row_id::bigint;

insert into desk_row (table_name, reason, row_id, row_before, row_after)
select
    'specializations',
    'value missing',
    found.id,
    found.row_before,
    found.row_before || jsonb_build_object(
        'name', coalesce(found.row_before ->> 'name', found.id),
        'max_levels', coalesce((found.row_before ->> 'max_levels')::integer, 0),
        'is_active', coalesce((found.row_before ->> 'is_active')::boolean, true),
        'created_at', coalesce(found.row_before ->> 'created_at', now()::text),
        'updated_at', coalesce(found.row_before ->> 'updated_at', now()::text)
    )
from (
    select specialization.id, to_jsonb(specialization) as row_before
    from lockstep.specializations as specialization
) as found
where num_nulls(
    found.row_before ->> 'name', found.row_before ->> 'max_levels', found.row_before ->> 'is_active',
    found.row_before ->> 'created_at', found.row_before ->> 'updated_at'
) > 0;

update lockstep.specializations as specialization
set name = changed.row_after ->> 'name',
    max_levels = (changed.row_after ->> 'max_levels')::integer,
    is_active = (changed.row_after ->> 'is_active')::boolean,
    created_at = (changed.row_after ->> 'created_at')::timestamptz,
    updated_at = (changed.row_after ->> 'updated_at')::timestamptz
from desk_row as changed
where changed.table_name = 'specializations'
    and specialization.id = changed.row_id;

-- Rows of nobody, or of nothing, leave.
with gone as (
    delete from lockstep.specialization_progress as progress
    where progress.student_id is null or progress.specialization_id is null
    returning progress.*
)

insert into desk_row (table_name, reason, row_id, row_before)
select 'specialization_progress', 'orphan: no user or no specialization', gone.id::text, to_jsonb(gone)
from gone;

with gone as (
    delete from lockstep.user_licenses as license
    where license.user_id is null or license.specialization_type is null
    returning license.*
)

insert into desk_row (table_name, reason, row_id, row_before)
select 'user_licenses', 'orphan: no user or no specialization', gone.id::text, to_jsonb(gone)
from gone;

with gone as (
    delete from lockstep.license_progressions as progression
    where progression.user_license_id is null or progression.to_level is null
    returning progression.*
)

insert into desk_row (table_name, reason, row_id, row_before)
select
    'license_progressions',
    'history without a license or without a level',
    gone.id::text,
    -- Whose it is, for an export or an erasure to find it.
    to_jsonb(gone) || coalesce((
        select jsonb_build_object('user_id', license.user_id)
        from lockstep.user_licenses as license
        where license.id = gone.user_license_id
    ), '{}')
from gone;

-- Times and flags that are missing.
with found as (
    select progress.id, to_jsonb(progress) as row_before
    from lockstep.specialization_progress as progress
    where num_nulls(progress.created_at, progress.updated_at) > 0
),

changed as (
    update lockstep.specialization_progress as progress
    set created_at = coalesce(progress.created_at, progress.updated_at, now()),
        updated_at = coalesce(progress.updated_at, progress.created_at, now())
    from found
    where progress.id = found.id
    returning progress.id, found.row_before, to_jsonb(progress) as row_after
)

insert into desk_row (table_name, reason, row_id, row_before, row_after)
select 'specialization_progress', 'value missing', changed.id::text, changed.row_before, changed.row_after
from changed;

with found as (
    select license.id, to_jsonb(license) as row_before
    from lockstep.user_licenses as license
    where num_nulls(license.created_at, license.updated_at, license.started_at, license.is_active) > 0
),

changed as (
    update lockstep.user_licenses as license
    set started_at = coalesce(license.started_at, license.created_at, now()),
        is_active = coalesce(license.is_active, true),
        created_at = coalesce(license.created_at, license.updated_at, now()),
        updated_at = coalesce(license.updated_at, license.created_at, now())
    from found
    where license.id = found.id
    returning license.id, found.row_before, to_jsonb(license) as row_after
)

insert into desk_row (table_name, reason, row_id, row_before, row_after)
select 'user_licenses', 'value missing', changed.id::text, changed.row_before, changed.row_after
from changed;

with found as (
    select progression.id, to_jsonb(progression) as row_before
    from lockstep.license_progressions as progression
    where progression.advanced_at is null
),

changed as (
    update lockstep.license_progressions as progression
    set advanced_at = now()
    from found
    where progression.id = found.id
    returning progression.id, found.row_before, to_jsonb(progression) as row_after
)

insert into desk_row (table_name, reason, row_id, row_before, row_after)
select 'license_progressions', 'value missing', changed.id::text, changed.row_before, changed.row_after
from changed;
