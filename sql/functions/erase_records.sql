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
    v_counts jsonb;
begin
    -- Lock order, everywhere: specialization_progress, then user_licenses.
    perform
    from lockstep.specialization_progress as progress
    where progress.student_id = p_user_id
    order by progress.specialization_id
    for no key update;

    with license as (
        update lockstep.user_licenses as known
        set instructor_notes = null
        where known.user_id = p_user_id
            and known.instructor_notes is not null
        returning true
    ),

    -- What they did to others stays, with the reason: that is about the other.
    progression as (
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
            )
        returning true
    ),

    run as (
        update lockstep.sync_runs as known
        set reason = case when known.user_id is distinct from p_user_id then known.reason end,
            message = case when known.user_id is distinct from p_user_id then known.message end,
            applied_application = null
        where p_user_id in (known.user_id, known.applied_by)
            and (
                known.applied_application is not null
                or (known.user_id = p_user_id and num_nonnulls(known.reason, known.message) > 0)
            )
        returning true
    ),

    item as (
        update lockstep.sync_run_items as known
        set detail = null,
            license_before = known.license_before || v_no_words,
            license_after = known.license_after || v_no_words
        where known.user_id = p_user_id
            and num_nonnulls(
                known.detail, known.license_before ->> 'instructor_notes', known.license_after ->> 'instructor_notes'
            ) > 0
        returning true
    ),

    found as (
        update lockstep.quarantine as known
        set row_before = emptied.row_before,
            row_after = emptied.row_after
        from lockstep.quarantine as held
        cross join lateral (
            select
                case held.table_name
                    -- A person as a take-over found them: their number is all that stays.
                    when 'users' then jsonb_build_object('id', p_user_id, 'user_id', p_user_id)
                    when 'license_progressions' then held.row_before || v_no_reason
                    else held.row_before || v_no_words
                end as row_before,
                case held.table_name
                    when 'users' then jsonb_build_object('id', p_user_id, 'user_id', p_user_id)
                    when 'license_progressions' then held.row_after || v_no_reason
                    else held.row_after || v_no_words
                end as row_after
        ) as emptied
        where held.user_id = p_user_id
            and known.id = held.id
            and (
                (held.table_name = 'users' and held.row_before ? 'email')
                or (
                    held.table_name in ('user_licenses', 'license_progressions')
                    and num_nonnulls(
                        held.row_before ->> 'instructor_notes', held.row_after ->> 'instructor_notes',
                        held.row_before ->> 'advancement_reason', held.row_before ->> 'requirements_met'
                    ) > 0
                )
            )
        returning true
    ),

    -- An application that nobody else has been written with is theirs.
    writer as (
        update lockstep.raw_writes as known
        set application_name = ''
        where known.application_name in (
            select progression.application_name
            from lockstep.license_progressions as progression
            where p_user_id in (progression.user_id, progression.advanced_by)
        )
            and not exists (
                select from lockstep.license_progressions as other
                where other.application_name = known.application_name
                    and other.user_id <> p_user_id
                    and other.advanced_by is distinct from p_user_id
            )
            and known.application_name <> ''
        returning true
    )

    select jsonb_build_object(
        'user_licenses', (select count(*) from license),
        'license_progressions', (select count(*) from progression),
        'sync_runs', (select count(*) from run),
        'sync_run_items', (select count(*) from item),
        'quarantine', (select count(*) from found),
        'raw_writes', (select count(*) from writer)
    )
    into v_counts;

    return v_counts;
end;
$function$;

comment on function lockstep.erase_records(bigint) is
$comment$Takes the words and the addresses out of what is kept of a person: their figures, and what they did to others.

Returns how many rows were emptied, by table. The caller has entered the erasure, which guard_erasure() asks for.
Locks specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.erase_records(bigint) from public;
