create or replace function lockstep.discard_level_up(
    p_user_id bigint,
    p_entry_id bigint
)
returns lockstep.queued_level_ups
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_entry lockstep.queued_level_ups;
begin
    delete from lockstep.queued_level_ups as entry
    where entry.user_id = p_user_id
        and entry.id = p_entry_id
        and entry.set_aside_at is not null
    returning entry.* into v_entry;

    if not found then
        raise exception using
            errcode = 'LS070',
            message = 'no such entry is set aside',
            detail = format('user_id=%s entry_id=%s', p_user_id, p_entry_id),
            hint = 'See lockstep.queue_set_aside.';
    end if;

    return v_entry;
end;
$function$;

comment on function lockstep.discard_level_up(bigint, bigint) is
$comment$Throws away an entry that was set aside. Returns it whole: nothing else keeps it.

Raises LS070 when no such entry is set aside.$comment$;

revoke all on function lockstep.discard_level_up(bigint, bigint) from public;
grant execute on function lockstep.discard_level_up(bigint, bigint) to lockstep_admin;
