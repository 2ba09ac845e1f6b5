create or replace function lockstep.lock_pair(
    p_user_id bigint,
    p_specialization_id text,
    p_make_license boolean
)
returns lockstep.locked_pair
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_progress lockstep.specialization_progress;
    v_license lockstep.user_licenses;
    v_created record;
    v_progress_created boolean := false;
    v_license_created boolean := false;
begin
    -- Once is enough for a pair that is there, twice for one that is made here.
    for v_attempt in 1..3 loop
        -- Lock order, everywhere: specialization_progress, then user_licenses.
        select locked.*
        into v_progress
        from lockstep.specialization_progress as locked
        where locked.student_id = p_user_id
            and locked.specialization_id = p_specialization_id
        for no key update;

        if found then
            select locked.*
            into v_license
            from lockstep.user_licenses as locked
            where locked.user_id = p_user_id
                and locked.specialization_type = p_specialization_id
            for no key update;

            if found or not p_make_license then
                return row(v_progress, v_license, v_progress_created, v_license_created);
            end if;
        end if;

        v_created := lockstep.create_pair(p_user_id, p_specialization_id, v_progress.id is not null);
        v_progress_created := v_progress_created or v_created.progress_created;
        v_license_created := v_license_created or v_created.license_created;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the pair vanished while it was being locked',
        detail = format('user_id=%s specialization_id=%s', p_user_id, p_specialization_id),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$function$;

comment on function lockstep.lock_pair(bigint, text, boolean) is
$comment$Locks both sides of a pair and returns them, making first what is missing.

Without p_make_license, a license missing beside a progress row that is there is left missing: nulls.
Raises LS001 when the user does not exist, LS002 when the specialization does not, 40001 (retry) when
the pair is deleted meanwhile.
Locks specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.lock_pair(bigint, text, boolean) from public;
