create or replace function lockstep.requeue_level_up(
    p_user_id bigint,
    p_entry_id bigint
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update lockstep.queued_level_ups as entry
    set set_aside_at = null,
        attempts = 0,
        try_after = null
    where entry.user_id = p_user_id
        and entry.id = p_entry_id
        and entry.set_aside_at is not null;

    if not found then
        raise exception using
            errcode = 'LS070',
            message = 'no such entry is set aside',
            detail = format('user_id=%s entry_id=%s', p_user_id, p_entry_id),
            hint = 'See lockstep.queue_set_aside.';
    end if;

    perform pg_notify('lockstep_queue', '');
    return p_entry_id;
end;
$function$;

comment on function lockstep.requeue_level_up(bigint, bigint) is
$comment$Puts an entry that was set aside back into the queue, in its old place, with three tries. Returns its id.

Raises LS070 when no such entry is set aside.$comment$;

revoke all on function lockstep.requeue_level_up(bigint, bigint) from public;
grant execute on function lockstep.requeue_level_up(bigint, bigint) to lockstep_admin;
