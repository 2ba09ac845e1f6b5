-- What a level change costs without Lockstep's coupling, as well as it can be written by hand: our own
-- tables with every rule of their own (keys, checks, levels), less what couples them (the keys between
-- them, the indexes that these need, triggers, row security), and one function with the three writes.
-- The name floor. is replaced by bare. for the same without any foreign key or check.
create schema floor;

create table floor.specialization_progress (
    like lockstep.specialization_progress including defaults including identity including constraints,
    primary key (student_id, id),
    unique (student_id, specialization_id)
);
create index on floor.specialization_progress (id);

create table floor.user_licenses (
    like lockstep.user_licenses including defaults including identity including constraints,
    primary key (user_id, id),
    unique (user_id, specialization_type)
);
create index on floor.user_licenses (id);

create table floor.license_progressions (
    like lockstep.license_progressions including defaults including identity including constraints,
    primary key (user_id, id)
);
create index on floor.license_progressions (id);

create function floor.change_level(
    p_user_id bigint,
    p_specialization_id text,
    p_new_level integer,
    p_xp_change bigint,
    p_sessions_change integer default 0,
    p_projects_change integer default 0,
    p_theory_hours_change numeric default 0,
    p_practice_hours_change numeric default 0,
    p_advanced_by bigint default null,
    p_reason text default null,
    out old_level integer,
    out max_achieved_level integer,
    out total_xp bigint
)
language plpgsql
as $function$
declare
    v_now constant timestamptz := clock_timestamp();
    v_license_id bigint;
begin
    update floor.specialization_progress as progress
    set current_level = p_new_level,
        total_xp = progress.total_xp + p_xp_change,
        completed_sessions = progress.completed_sessions + p_sessions_change,
        completed_projects = progress.completed_projects + p_projects_change,
        theory_hours_completed = progress.theory_hours_completed + p_theory_hours_change,
        practice_hours_completed = progress.practice_hours_completed + p_practice_hours_change,
        last_activity = v_now,
        updated_at = v_now
    where progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id
    returning progress.total_xp into total_xp;

    -- The history asks for the level before; the row is locked from here on.
    update floor.user_licenses as license
    set current_level = p_new_level,
        max_achieved_level = greatest(license.max_achieved_level, p_new_level),
        last_advanced_at = v_now,
        updated_at = v_now
    from (
        select held.current_level
        from floor.user_licenses as held
        where held.user_id = p_user_id
            and held.specialization_type = p_specialization_id
        for no key update
    ) as held
    where license.user_id = p_user_id
        and license.specialization_type = p_specialization_id
    returning license.id, held.current_level, license.max_achieved_level
    into v_license_id, old_level, max_achieved_level;

    insert into floor.license_progressions (
        user_id, user_license_id, from_level, to_level, advanced_by, advancement_reason, advanced_at, route
    )
    values (p_user_id, v_license_id, old_level, p_new_level, p_advanced_by, p_reason, v_now, 'function');
end;
$function$;

insert into floor.specialization_progress
select * from lockstep.specialization_progress;

insert into floor.user_licenses
select * from lockstep.user_licenses;
