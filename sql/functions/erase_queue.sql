create or replace function lockstep.erase_queue(
    p_user_id bigint
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_queued bigint;
    v_breaches bigint;
begin
    -- What was earned is still to be applied: only the words and the addresses go.
    update lockstep.queued_level_ups as entry
    set reason = case when entry.user_id <> p_user_id then entry.reason end,
        error = case when entry.user_id <> p_user_id then entry.error end,
        application_name = '',
        client_address = null
    where p_user_id in (entry.user_id, entry.advanced_by)
        and (
            entry.application_name <> ''
            or entry.client_address is not null
            or (entry.user_id = p_user_id and num_nonnulls(entry.reason, entry.error) > 0)
        );

    get diagnostics v_queued = row_count;

    delete from lockstep.lock_breaches as breach
    where breach.user_id = p_user_id;

    get diagnostics v_breaches = row_count;

    return jsonb_build_object('queued_level_ups', v_queued, 'lock_breaches', v_breaches);
end;
$function$;

comment on function lockstep.erase_queue(bigint) is
$comment$Takes the words and the addresses out of what waits in the queue for a person or by them; the figures are applied.

Returns how many rows were emptied or deleted, by table. Locks the entries.$comment$;

revoke all on function lockstep.erase_queue(bigint) from public;
