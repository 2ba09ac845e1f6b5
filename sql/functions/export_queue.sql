create or replace function lockstep.export_queue(
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
            -- Of what they queued for others, that they did: whose it is, and why, is the other's.
            select 'queued_level_ups', jsonb_agg(
                case entry.user_id
                    when p_user_id then to_jsonb(entry)
                    else jsonb_build_object(
                        'id', entry.id,
                        'advanced_by', entry.advanced_by,
                        'enqueued_at', entry.enqueued_at,
                        'client_address', entry.client_address
                    )
                end order by entry.id
            )
            from lockstep.queued_level_ups as entry
            where entry.user_id = p_user_id
                or entry.advanced_by = p_user_id
            union all
            select 'lock_breaches', jsonb_agg(
                to_jsonb(breach) - 'blocker_query' - 'blocker_application' - 'blocker_role' order by breach.id
            )
            from lockstep.lock_breaches as breach
            where breach.user_id = p_user_id
        ) as section (name, content)
    );
end;
$function$;

comment on function lockstep.export_queue(bigint) is
'What waits in the queue for a person or by them, and waits for their records: rows by table, null where there are none.';

revoke all on function lockstep.export_queue(bigint) from public;
