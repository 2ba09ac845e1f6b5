create or replace function lockstep.create_pair(
    p_user_id bigint,
    p_specialization_id text,
    p_progress_held boolean,
    out progress_created boolean,
    out license_created boolean
)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_level integer;
begin
    if not p_progress_held then
        -- There is no progress row to lock yet: the user's row stands in for it.
        perform
        from lockstep.users as person
        where person.id = p_user_id
        for no key update;

        perform lockstep.check_user(p_user_id);
    end if;

    perform lockstep.check_specialization(p_specialization_id);

    v_level := coalesce(
        (
            select progress.current_level
            from lockstep.specialization_progress as progress
            where progress.student_id = p_user_id
                and progress.specialization_id = p_specialization_id
        ),
        (
            select license.current_level
            from lockstep.user_licenses as license
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id
        ),
        1
    );

    -- One statement, so that constraints set immediate see both sides or none.
    with new_progress as (
        insert into lockstep.specialization_progress (student_id, specialization_id, current_level)
        values (p_user_id, p_specialization_id, v_level)
        on conflict do nothing
        returning id
    ),

    new_license as (
        insert into lockstep.user_licenses (
            user_id, specialization_type, current_level, max_achieved_level
        )
        select
            p_user_id,
            p_specialization_id,
            v_level,
            v_level
        -- Lock order: never a license beside a progress row that somebody else may hold.
        where p_progress_held
            or exists (select from new_progress)
        on conflict do nothing
        returning id
    )

    select
        exists(select from new_progress),
        exists(select from new_license)
    into progress_created, license_created;
end;
$function$;

comment on function lockstep.create_pair(bigint, text, boolean) is
$comment$Makes what is missing of a pair: both sides at level 1, or one side at the level of the other.

Returns which sides this call made. Two callers at once: one makes them, the other waits and makes none.
Raises LS001 when the user does not exist, LS002 when the specialization does not.
Locks the user's row, unless the caller says that it holds the progress row.$comment$;

revoke all on function lockstep.create_pair(bigint, text, boolean) from public;
