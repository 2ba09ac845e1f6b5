-- What every spec starts from: user 1 is a PLAYER of level 2 with 100 XP, users 1 and 2 exist,
-- SCOUT has two levels and nobody in it.

create procedure public.start_over()
language plpgsql
as $procedure$
begin
    set local session_replication_role = replica;
    delete from lockstep.license_progressions;
    delete from lockstep.specialization_progress;
    delete from lockstep.user_licenses;
    delete from lockstep.idempotency_keys;
    delete from lockstep.users;
    delete from lockstep.specialization_levels where specialization_id = 'SCOUT';
    delete from lockstep.specializations where id = 'SCOUT';
    set local session_replication_role = origin;

    insert into lockstep.users (id, email)
    values (1, 'one@example.org'), (2, 'two@example.org');

    insert into lockstep.specializations (id, name)
    values ('SCOUT', 'Scout');
    insert into lockstep.specialization_levels (specialization_id, level, name, required_xp)
    values ('SCOUT', 1, 'Watcher', 0), ('SCOUT', 2, 'Finder', 100);

    perform lockstep.update_level(1, 'PLAYER', 2, 100);
end
$procedure$;

-- A pair and its history in one line, as one statement sees them.
create view public.pair as
select
    coalesce(progress.student_id, license.user_id) as person,
    coalesce(progress.specialization_id, license.specialization_type) as spec,
    progress.current_level as progress,
    license.current_level as license,
    license.max_achieved_level as highest,
    progress.total_xp as xp,
    (
        select string_agg(
            format('%s>%s %s', coalesce(step.from_level::text, ''), step.to_level, step.route), ', ' order by step.id
        )
        from lockstep.license_progressions as step
        where step.user_id = license.user_id
            and step.user_license_id = license.id
    ) as history
from lockstep.specialization_progress as progress
full outer join lockstep.user_licenses as license
    on license.user_id = progress.student_id
    and license.specialization_type = progress.specialization_id
order by person, spec;

-- What a call of update_level() or level_up() answers, in few words.
create function public.brief(p_answer lockstep.level_change)
returns text
language sql
as $function$
    select format(
        'level %s to %s, %s xp%s%s',
        coalesce(p_answer.license_old_level::text, 'none'), p_answer.license_new_level, p_answer.total_xp,
        case when p_answer.replayed then ', replayed' end,
        case when p_answer.desync then ', desync' end
    )
$function$;
