-- Levels are rows of one table (A5 to A8), and the curriculum of the day: 3
-- specializations, 19 levels, INTERNSHIP 3. A later level is a row, not a release.

create table lockstep.specialization_levels (
    specialization_id text not null,
    level integer not null,
    name text not null,
    name_en text,
    color text,
    required_xp bigint not null,
    required_sessions integer not null default 0,
    theory_hours numeric(8, 2),
    practice_hours numeric(8, 2),
    total_hours numeric(8, 2),
    constraint specialization_levels_pkey primary key (specialization_id, level),
    constraint ck_specialization_levels_level check (level >= 1),
    constraint ck_specialization_levels_requirements check (
        required_xp >= 0
        and required_sessions >= 0
        and theory_hours between 0 and 999999.99
        and practice_hours between 0 and 999999.99
        and total_hours between 0 and 999999.99
    )
);

comment on table lockstep.specialization_levels is
'Every level that can be held, 1 to n for each specialization, and what it takes to reach it.';
comment on column lockstep.specialization_levels.name is 'The name that a diploma shows.';
comment on column lockstep.specialization_levels.required_xp is
'XP since the start that reaching this level takes; the row of level 1 is never a condition.';
comment on column lockstep.specialization_levels.required_sessions is 'Sessions since the start.';
comment on column lockstep.specialization_levels.theory_hours is
'Hours of theory since the start; null where the specialization asks for none.';
comment on column lockstep.specialization_levels.practice_hours is
'Hours of practice since the start; null where the specialization asks for none.';
comment on column lockstep.specialization_levels.total_hours is 'Shown, never checked.';

comment on constraint ck_specialization_levels_level on lockstep.specialization_levels is 'Levels start at 1.';
comment on constraint ck_specialization_levels_requirements on lockstep.specialization_levels is
'What a level asks for is never negative.';

-- Tables of these names in an older system make way for the views of these names.
set local client_min_messages = warning;
alter table if exists lockstep.player_levels rename to legacy_player_levels;
alter table if exists lockstep.coach_levels rename to legacy_coach_levels;
alter table if exists lockstep.internship_levels rename to legacy_internship_levels;
set local client_min_messages = notice;

with made as (
    insert into lockstep.specializations (id, name, icon)
    values
        ('PLAYER', 'GanCuju Player', '⚽'),
        ('COACH', 'LFA Football Coach', '👨‍🏫'),
        ('INTERNSHIP', 'Startup Spirit Intern', '🚀')
    on conflict (id) do nothing
    returning *
)

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_after)
select '0003', 'specializations', 'missing specialization', made.id, to_jsonb(made)
from made;

insert into lockstep.specialization_levels (
    specialization_id, level, name, name_en, color, required_xp, required_sessions,
    theory_hours, practice_hours, total_hours
)
values
    ('PLAYER', 1, 'Bambusz Tanítvány', 'Bamboo Student', 'white', 12000, 10, null, null, null),
    ('PLAYER', 2, 'Hajnali Harmat', 'Morning Dew', 'yellow', 25000, 12, null, null, null),
    ('PLAYER', 3, 'Rugalmas Nád', 'Flexible Reed', 'green', 45000, 15, null, null, null),
    ('PLAYER', 4, 'Égi Folyó', 'Sky River', 'blue', 70000, 18, null, null, null),
    ('PLAYER', 5, 'Erős Gyökér', 'Strong Root', 'brown', 100000, 20, null, null, null),
    ('PLAYER', 6, 'Téli Hold', 'Winter Moon', 'darkgray', 140000, 22, null, null, null),
    ('PLAYER', 7, 'Éjfél Őrzője', 'Midnight Guardian', 'black', 190000, 25, null, null, null),
    ('PLAYER', 8, 'Sárkány Bölcsesség', 'Dragon Wisdom', 'red', 250000, 30, null, null, null),
    ('COACH', 1, 'LFA Pre Football Asszisztens Edző', 'LFA Pre Football Assistant Coach', null, 15000, 15, 30, 50, null),
    ('COACH', 2, 'LFA Pre Football Vezetőedző', 'LFA Pre Football Head Coach', null, 35000, 18, 40, 60, null),
    ('COACH', 3, 'LFA Youth Football Asszisztens Edző', 'LFA Youth Football Assistant Coach', null, 60000, 20, 35, 55, null),
    ('COACH', 4, 'LFA Youth Football Vezetőedző', 'LFA Youth Football Head Coach', null, 90000, 22, 45, 65, null),
    ('COACH', 5, 'LFA Amateur Football Asszisztens Edző', 'LFA Amateur Football Assistant Coach', null, 130000, 25, 40, 60, null),
    ('COACH', 6, 'LFA Amateur Football Vezetőedző', 'LFA Amateur Football Head Coach', null, 180000, 28, 35, 55, null),
    ('COACH', 7, 'LFA PRO Football Asszisztens Edző', 'LFA PRO Football Assistant Coach', null, 240000, 30, 50, 70, null),
    ('COACH', 8, 'LFA PRO Football Vezetőedző', 'LFA PRO Football Head Coach', null, 320000, 35, 60, 80, null),
    ('INTERNSHIP', 1, 'Startup Explorer', 'Startup Explorer', null, 10000, 15, null, null, 80),
    ('INTERNSHIP', 2, 'Growth Hacker', 'Growth Hacker', null, 18000, 18, null, null, 120),
    ('INTERNSHIP', 3, 'Startup Leader', 'Startup Leader', null, 28000, 22, null, null, 130);

-- A specialization that this curriculum does not know keeps the levels it promised. Nobody
-- reaches them by XP until the school writes its figures into these rows.
insert into lockstep.specialization_levels (specialization_id, level, name, required_xp)
select specialization.id, level.n, format('Level %s', level.n), 9223372036854775807
from lockstep.specializations as specialization
cross join lateral generate_series(1, greatest(specialization.max_levels, 1)) as level (n)
where not exists (
    select from lockstep.specialization_levels as known
    where known.specialization_id = specialization.id
);

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after)
select
    '0003',
    'specializations',
    format('max_levels was %s, the level rows say %s', specialization.max_levels, counted.levels),
    specialization.id,
    to_jsonb(specialization),
    to_jsonb(specialization) || jsonb_build_object('max_levels', counted.levels)
from lockstep.specializations as specialization
inner join (
    select level.specialization_id, count(*) as levels
    from lockstep.specialization_levels as level
    group by level.specialization_id
) as counted on counted.specialization_id = specialization.id
where specialization.max_levels <> counted.levels
    and not exists (
        select from lockstep.quarantine as made
        where made.migration = '0003' and made.row_id = specialization.id
    );

update lockstep.specializations as specialization
set max_levels = (
    select count(*)
    from lockstep.specialization_levels as level
    where level.specialization_id = specialization.id
);
