create or replace function lockstep.erase_records(
    p_user_id bigint
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- What a license says in somebody's own words; as a row, and wherever such a row is kept.
    v_no_words constant jsonb := jsonb_build_object('instructor_notes', null);
    v_no_reason constant jsonb := jsonb_build_object('advancement_reason', null, 'requirements_met', null);
    -- A person as a take-over found them: their number is all that stays.
    v_no_person constant jsonb := jsonb_build_object('id', p_user_id, 'user_id', p_user_id);
    v_application text;
    v_licenses bigint;
    v_progressions bigint;
    v_runs bigint;
    v_items bigint;
    v_quarantined bigint;
    v_raw_writes bigint := 0::bigint;
    v_rows bigint;
begin
    -- Lock order, everywhere: specialization_progress, then user_licenses.
    perform
    from lockstep.specialization_progress as progress
    where progress.student_id = p_user_id
    order by progress.specialization_id
    for no key update;

    update lockstep.user_licenses as known
    set instructor_notes = null
    where known.user_id = p_user_id
        and known.instructor_notes is not null;
    get diagnostics v_licenses = row_count;

    -- An application that nobody else has been written with is theirs; the history still names it.
    for v_application in
        select distinct progression.application_name
        from lockstep.license_progressions as progression
        where p_user_id in (progression.user_id, progression.advanced_by)
            and progression.application_name <> ''
    loop
        perform
        from lockstep.license_progressions as other
        where other.application_name = v_application
            and other.user_id <> p_user_id
            and other.advanced_by is distinct from p_user_id
        limit 1;

        if not found then
            update lockstep.raw_writes as known
            set application_name = ''
            where known.application_name = v_application;

            get diagnostics v_rows = row_count;
            v_raw_writes := v_raw_writes + v_rows;
        end if;
    end loop;

    -- What they did to others stays, with the reason: that is about the other.
    update lockstep.license_progressions as known
    set advancement_reason = case when known.user_id <> p_user_id then known.advancement_reason end,
        requirements_met = case
            when known.user_id <> p_user_id or known.route <> 'client' then known.requirements_met
        end,
        application_name = null,
        client_address = null
    where p_user_id in (known.user_id, known.advanced_by)
        and (
            num_nonnulls(known.application_name, known.client_address) > 0
            or (known.user_id = p_user_id and known.advancement_reason is not null)
            or (known.user_id = p_user_id and known.route = 'client' and known.requirements_met is not null)
        );
    get diagnostics v_progressions = row_count;

    update lockstep.sync_runs as known
    set reason = case when known.user_id is distinct from p_user_id then known.reason end,
        message = case when known.user_id is distinct from p_user_id then known.message end,
        applied_application = null
    where p_user_id in (known.user_id, known.applied_by)
        and (
            known.applied_application is not null
            or (known.user_id = p_user_id and num_nonnulls(known.reason, known.message) > 0)
        );
    get diagnostics v_runs = row_count;

    update lockstep.sync_run_items as known
    set detail = null,
        license_before = known.license_before || v_no_words,
        license_after = known.license_after || v_no_words
    where known.user_id = p_user_id
        and num_nonnulls(
            known.detail, known.license_before ->> 'instructor_notes', known.license_after ->> 'instructor_notes'
        ) > 0;
    get diagnostics v_items = row_count;

    update lockstep.quarantine as known
    set row_before = case
            when known.table_name = 'users' then v_no_person
            when known.table_name = 'license_progressions' then known.row_before || v_no_reason
            else known.row_before || v_no_words
        end,
        row_after = case
            when known.table_name = 'users' then v_no_person
            when known.table_name = 'license_progressions' then known.row_after || v_no_reason
            else known.row_after || v_no_words
        end
    where known.user_id = p_user_id
        and (
            (known.table_name = 'users' and known.row_before ? 'email')
            or (
                known.table_name in ('user_licenses', 'license_progressions')
                and num_nonnulls(
                    known.row_before ->> 'instructor_notes', known.row_after ->> 'instructor_notes',
                    known.row_before ->> 'advancement_reason', known.row_before ->> 'requirements_met'
                ) > 0
            )
        );
    get diagnostics v_quarantined = row_count;

    return jsonb_build_object(
        'user_licenses', v_licenses,
        'license_progressions', v_progressions,
        'sync_runs', v_runs,
        'sync_run_items', v_items,
        'quarantine', v_quarantined,
        'raw_writes', v_raw_writes
    );
end;
$function$;

comment on function lockstep.erase_records(bigint) is
$comment$Takes the words and the addresses out of what is kept of a person: their figures, and what they did to others.

Returns how many rows were emptied, by table. The caller has entered the erasure, which guard_erasure() asks for.
Locks specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.erase_records(bigint) from public;
