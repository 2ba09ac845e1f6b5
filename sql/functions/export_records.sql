create or replace function lockstep.export_records(
    p_user_id bigint
)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return (
        select jsonb_object_agg(section.name, section.content)
        from (
            select 'specialization_progress', jsonb_agg(to_jsonb(progress) order by progress.specialization_id)
            from lockstep.specialization_progress as progress
            where progress.student_id = p_user_id
            union all
            select 'user_licenses', jsonb_agg(to_jsonb(license) order by license.specialization_type)
            from lockstep.user_licenses as license
            where license.user_id = p_user_id
            union all
            -- Of what they did to others, what it was: whose it is, and why, is the other's.
            select 'license_progressions', jsonb_agg(
                case progression.user_id
                    when p_user_id then to_jsonb(progression)
                    else jsonb_build_object(
                        'id', progression.id,
                        'from_level', progression.from_level,
                        'to_level', progression.to_level,
                        'advanced_by', progression.advanced_by,
                        'advanced_at', progression.advanced_at,
                        'client_address', progression.client_address
                    )
                end order by progression.id
            )
            from lockstep.license_progressions as progression
            where progression.user_id = p_user_id
                or progression.advanced_by = p_user_id
            union all
            select 'idempotency_keys', jsonb_agg(to_jsonb(known) order by known.created_at)
            from lockstep.idempotency_keys as known
            where known.user_id = p_user_id
            union all
            select 'sync_runs', jsonb_agg(to_jsonb(run) order by run.id)
            from lockstep.sync_runs as run
            where run.user_id = p_user_id
                or run.requested_by = p_user_id
                or run.applied_by = p_user_id
            union all
            select 'sync_run_items', jsonb_agg(to_jsonb(item) order by item.run_id, item.specialization_id)
            from lockstep.sync_run_items as item
            where item.user_id = p_user_id
            union all
            select 'quarantine', jsonb_agg(to_jsonb(held) order by held.id)
            from lockstep.quarantine as held
            where held.user_id = p_user_id
        ) as section (name, content)
    );
end;
$function$;

comment on function lockstep.export_records(bigint) is
'What is held about a person as a student, and as somebody who did something: rows by table, null where there are none.';

revoke all on function lockstep.export_records(bigint) from public;
