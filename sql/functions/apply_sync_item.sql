create or replace function lockstep.apply_sync_item(
    p_item lockstep.sync_run_items,
    p_run lockstep.sync_runs
)
returns lockstep.sync_run_items
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_progress lockstep.specialization_progress;
    v_license lockstep.user_licenses;
    v_item lockstep.sync_run_items := p_item;
begin
    if p_item.progress_before is null then
        -- There is no progress row to lock: the user's row stands in for it.
        perform
        from lockstep.users as person
        where person.id = p_item.user_id
        for no key update;
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses.
    select progress.*
    into v_progress
    from lockstep.specialization_progress as progress
    where progress.student_id = p_item.user_id
        and progress.specialization_id = p_item.specialization_id
    for no key update;

    select license.*
    into v_license
    from lockstep.user_licenses as license
    where license.user_id = p_item.user_id
        and license.specialization_type = p_item.specialization_id
    for no key update;

    v_item.applied_at := clock_timestamp();
    v_item.error_code := null;

    -- Compared as rows, not as JSON: that would print times in the zone of the session. A column that
    -- came after the plan is taken as it is now.
    if (v_progress.id is null) <> (p_item.progress_before is null)
        or (v_license.id is null) <> (p_item.license_before is null)
        or v_progress <> jsonb_populate_record(v_progress, p_item.progress_before)
        or v_license <> jsonb_populate_record(v_license, p_item.license_before)
    then
        v_item.outcome := 'skipped';
        v_item.detail := 'changed since the plan';
        return v_item;
    end if;

    if p_item.action = 'none' then
        v_item.outcome := 'skipped';
        v_item.detail := format('there is no %s to take the level from', p_item.source);
        return v_item;
    end if;

    if p_item.action = 'restore' then
        v_item.outcome := lockstep.restore_pair(p_item, p_run);
    else
        perform lockstep.sync_records(
            p_item.user_id, p_item.specialization_id, p_item.source,
            coalesce(p_run.applied_by, p_run.requested_by),
            coalesce(p_run.reason, format('run %s: %s', p_run.id, p_run.direction))
        );
        v_item.outcome := 'synced';
    end if;

    v_item.detail := null;
    v_item.progress_after := (
        select to_jsonb(progress)
        from lockstep.specialization_progress as progress
        where progress.student_id = p_item.user_id
            and progress.specialization_id = p_item.specialization_id
    );
    v_item.license_after := (
        select to_jsonb(license)
        from lockstep.user_licenses as license
        where license.user_id = p_item.user_id
            and license.specialization_type = p_item.specialization_id
    );

    -- Found here it is one bad item; found by the keys at commit it would be the whole batch.
    if array[v_item.progress_after -> 'current_level', v_item.license_after -> 'current_level']
        is distinct from array_fill(to_jsonb(p_item.expected_level), array[2])
    then
        raise exception using
            errcode = 'serialization_failure',
            message = 'the pair is not at the level that was written',
            detail = format(
                'user_id=%s specialization_id=%s level=%s', p_item.user_id, p_item.specialization_id,
                p_item.expected_level
            ),
            hint = 'If it comes back, look for a trigger that suppresses or changes updates.';
    end if;

    return v_item;
end;
$function$;

comment on function lockstep.apply_sync_item(lockstep.sync_run_items, lockstep.sync_runs) is
$comment$Does what one item of a run lists, if both rows still are as the plan saw them; else skips it.

Returns the item with its outcome. Raises whatever the write raises: 55P03 when live traffic holds the pair,
40001 when a trigger kept a side from its level.
Locks specialization_progress, then user_licenses (before them the user's row, where there is no progress).$comment$;

revoke all on function lockstep.apply_sync_item(lockstep.sync_run_items, lockstep.sync_runs) from public;
