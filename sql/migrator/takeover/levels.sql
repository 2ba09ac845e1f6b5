-- The level rows of the school are its curriculum: ours stand where it has none, or none that can be kept.
-- The same rules as adopted_level() and plan_adopted_levels() have for a source that is read over.
with read as (
    select
        desk.ctid as place,
        case
            when coalesce(desk.theirs ->> 'level', desk.theirs ->> 'id') ~ '^[1-9]\d{0,3}$'
                then coalesce(desk.theirs ->> 'level', desk.theirs ->> 'id')::integer
        end as level,
        array(
            select case
                when desk.theirs ->> name.value ~ '^-?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,2})?$'
                    then (desk.theirs ->> name.value)::numeric
                -- What no row says is not asked for; of XP that is a fault.
                when desk.theirs ->> name.value is null and name.value <> 'required_xp' then 0
            end
            from unnest(
                array['required_xp', 'required_sessions', 'theory_hours', 'practice_hours', 'total_hours']
            ) with ordinality as name (value, place)
            order by name.place
        ) as figures
    from desk_level as desk
),

judged as (
    select
        read.place,
        read.level,
        coalesce(
            read.figures[1] between 0 and 9223372036854775807
            and read.figures[2] between 0 and 2147483647
            and read.figures[1] = trunc(read.figures[1])
            and read.figures[2] = trunc(read.figures[2])
            and read.figures[3] between 0 and 999999.99
            and read.figures[4] between 0 and 999999.99
            and read.figures[5] between 0 and 999999.99,
            false
        ) as is_possible
    from read
),

ranked as (
    select
        judged.*,
        to_jsonb(known) as ours,
        row_number() over (
            partition by desk.specialization_id, judged.level
            order by judged.is_possible desc, length(desk.row_id), desk.row_id, desk.theirs::text
        ) as place_of_level
    from judged
    inner join desk_level as desk on desk.ctid = judged.place
    left outer join lockstep.specialization_levels as known
        on known.specialization_id = desk.specialization_id
        and known.level = judged.level
)

update desk_level as desk
set level = ranked.level,
    ours = ranked.ours,
    fault = case
        when ranked.level is null then 'no_level'
        when ranked.place_of_level > 1 then 'duplicate'
        when not ranked.is_possible then 'impossible_figure'
    end
from ranked
where desk.ctid = ranked.place;

-- Levels run from 1 without a gap: what stands above one is not kept.
update desk_level as desk
set fault = 'level_gap'
where desk.fault is null
    and exists (
        select from generate_series(1, desk.level) as below (n)
        where not exists (
            select from desk_level as other
            where other.specialization_id = desk.specialization_id and other.level = below.n and other.fault is null
        )
            and not exists (
                select from lockstep.specialization_levels as known
                where known.specialization_id = desk.specialization_id and known.level = below.n
            )
    );

-- A column that their table does not have stays as our row has it.
update desk_level as desk
set kept = jsonb_build_object(
        'specialization_id', desk.specialization_id,
        'level', desk.level,
        'name', named.name,
        'name_en', case
            when desk.theirs ? 'name_en' then nullif(btrim(desk.theirs ->> 'name_en'), '')
            when named.name = desk.ours ->> 'name' then desk.ours ->> 'name_en'
        end,
        'color', case when desk.theirs ? 'color' then desk.theirs ->> 'color' else desk.ours ->> 'color' end,
        'required_xp', (desk.theirs ->> 'required_xp')::numeric::bigint,
        'required_sessions', case
            when desk.theirs ? 'required_sessions' then coalesce((desk.theirs ->> 'required_sessions')::numeric, 0)
            else coalesce((desk.ours ->> 'required_sessions')::numeric, 0)
        end::integer,
        'theory_hours', case
            when desk.theirs ? 'theory_hours' then desk.theirs ->> 'theory_hours' else desk.ours ->> 'theory_hours'
        end::numeric(8, 2),
        'practice_hours', case
            when desk.theirs ? 'practice_hours' then desk.theirs ->> 'practice_hours' else desk.ours ->> 'practice_hours'
        end::numeric(8, 2),
        'total_hours', case
            when desk.theirs ? 'total_hours' then desk.theirs ->> 'total_hours' else desk.ours ->> 'total_hours'
        end::numeric(8, 2)
    )
from (
    select
        level_of.ctid as place,
        coalesce(
            nullif(btrim(level_of.theirs ->> 'name'), ''), nullif(btrim(level_of.theirs ->> 'name_en'), ''),
            level_of.ours ->> 'name', format('Level %s', level_of.level)
        ) as name
    from desk_level as level_of
) as named
where named.place = desk.ctid
    and desk.fault is null;

-- Ours above their highest go, but for what somebody there holds or has achieved.
insert into desk_level (specialization_id, level, ours)
select known.specialization_id, known.level, to_jsonb(known)
from lockstep.specialization_levels as known
inner join (
    select desk.specialization_id, max(desk.level) as level
    from desk_level as desk
    where desk.kept is not null
    group by desk.specialization_id
) as highest on highest.specialization_id = known.specialization_id and highest.level < known.level
where not exists (
    select from lockstep.specialization_levels as above
    where above.specialization_id = known.specialization_id
        and above.level >= known.level
        and (
            exists (
                select from lockstep.specialization_progress as progress
                where progress.specialization_id = above.specialization_id and progress.current_level = above.level
            )
            or exists (
                select from lockstep.user_licenses as license
                where license.specialization_type = above.specialization_id
                    and above.level in (license.current_level, license.max_achieved_level)
            )
        )
);

delete from lockstep.specialization_levels as known
using desk_level as desk
where desk.theirs is null
    and known.specialization_id = desk.specialization_id
    and known.level = desk.level;

insert into lockstep.specialization_levels
select kept.*
from desk_level as desk
cross join lateral jsonb_populate_record(null::lockstep.specialization_levels, desk.kept) as kept
where desk.kept is not null
on conflict on constraint specialization_levels_pkey do update
set name = excluded.name,
    name_en = excluded.name_en,
    color = excluded.color,
    required_xp = excluded.required_xp,
    required_sessions = excluded.required_sessions,
    theory_hours = excluded.theory_hours,
    practice_hours = excluded.practice_hours,
    total_hours = excluded.total_hours;

-- What cannot be kept stands whole on the desk, and in the old table.
insert into desk_row (table_name, reason, row_id, row_before)
select desk.table_name, desk.fault, desk.row_id, desk.theirs
from desk_level as desk
where desk.fault is not null;

-- max_levels follows, and what the migration wrote down about it: a figure that was right is no fault.
create temporary table desk_cap on commit drop as
select
    specialization.id,
    coalesce(quarantine.row_before, to_jsonb(specialization)) as row_before,
    (
        select count(*) from lockstep.specialization_levels as level
        where level.specialization_id = specialization.id
    ) as levels
from lockstep.specializations as specialization
left outer join lockstep.quarantine as quarantine
    on quarantine.migration = '0003'
    and quarantine.table_name = 'specializations'
    and quarantine.row_id = specialization.id;

update lockstep.specializations as specialization
set max_levels = cap.levels
from desk_cap as cap
where cap.id = specialization.id
    and specialization.max_levels <> cap.levels;

delete from lockstep.quarantine as quarantine
where quarantine.migration = '0003'
    and quarantine.table_name = 'specializations'
    and quarantine.row_before is not null;

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after)
select
    '0003',
    'specializations',
    format('max_levels was %s, the level rows say %s', cap.row_before ->> 'max_levels', cap.levels),
    cap.id,
    cap.row_before,
    cap.row_before || jsonb_build_object('max_levels', cap.levels)
from desk_cap as cap
where (cap.row_before ->> 'max_levels')::bigint <> cap.levels
    and not exists (
        select from lockstep.quarantine as made
        where made.migration = '0003' and made.table_name = 'specializations' and made.row_id = cap.id
    );
