create or replace function lockstep.sync_records(
    p_user_id bigint,
    p_specialization_id text,
    p_source text,
    p_advanced_by bigint default null,
    p_reason text default null
)
returns lockstep.sync_outcome
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_pair lockstep.locked_pair;
    v_target_created boolean;
    v_progress_level integer;
    v_license_level integer;
    v_outcome lockstep.sync_outcome;
begin
    if p_source is null or p_source not in ('progress', 'license') then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('source=%s', coalesce(p_source, 'null')),
            hint = 'The source is progress or license.';
    end if;

    if p_advanced_by is not null then
        perform lockstep.check_user(p_advanced_by);
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses.
    v_pair := lockstep.lock_pair(p_user_id, p_specialization_id, true);

    if (p_source = 'progress' and v_pair.progress_created)
        or (p_source = 'license' and v_pair.license_created)
    then
        raise exception using
            errcode = 'LS014',
            message = 'the source record does not exist',
            detail = format(
                'user_id=%s specialization_id=%s source=%s', p_user_id, p_specialization_id, p_source
            ),
            hint = 'Take the other side as the source, or call update_level() to make the pair.';
    end if;

    v_target_created := v_pair.progress_created or v_pair.license_created;
    v_progress_level := case when not v_pair.progress_created then (v_pair.progress).current_level end;
    v_license_level := case when not v_pair.license_created then (v_pair.license).current_level end;

    v_outcome.user_id := p_user_id;
    v_outcome.specialization_id := p_specialization_id;
    v_outcome.old_level := case p_source when 'progress' then v_license_level else v_progress_level end;
    v_outcome.new_level := case p_source when 'progress' then v_progress_level else v_license_level end;
    v_outcome.action := case
        when v_target_created then 'created'
        when v_outcome.old_level <> v_outcome.new_level then 'updated'
        else 'none'
    end;
    v_outcome.synced := v_outcome.action <> 'none';
    v_outcome.message := case v_outcome.action
        when 'none' then format('Already in step at level %s', v_outcome.new_level)
        when 'created' then format('Missing record created at level %s', v_outcome.new_level)
        else format('Level %s replaced by %s', v_outcome.old_level, v_outcome.new_level)
    end;

    if v_outcome.synced then
        perform lockstep.write_levels(
            p_user_id => p_user_id,
            p_specialization_id => p_specialization_id,
            p_license_id => (v_pair.license).id,
            p_progress_from => v_progress_level,
            p_license_from => v_license_level,
            p_to_level => v_outcome.new_level,
            p_write_progress => v_outcome.action = 'updated' and p_source = 'license',
            p_write_license => v_outcome.action = 'updated' and p_source = 'progress',
            p_route => 'repair',
            p_advanced_by => p_advanced_by,
            p_reason => coalesce(p_reason, format('sync_records from %s', p_source))
        );
    end if;

    return v_outcome;
end;
$function$;

comment on function lockstep.sync_records(bigint, text, text, bigint, text) is
$comment$Makes one side of a pair equal to the other: source progress or license. A missing side is made.

Returns the action: none (already equal, nothing written), created or updated, with the levels of the side
that was written.
Raises LS001 no such user, LS002 no such specialization, LS006 another source, LS014 the source does not exist.
Locks specialization_progress, then user_licenses.$comment$;

revoke all on function lockstep.sync_records(bigint, text, text, bigint, text) from public;
grant execute on function lockstep.sync_records(bigint, text, text, bigint, text)
to lockstep_app, lockstep_admin;
