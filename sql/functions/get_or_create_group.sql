create or replace function lockstep.get_or_create_group(
    p_name text
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_id bigint;
begin
    -- Once for a group that is there; twice for one that this or another makes.
    for v_attempt in 1..3 loop
        select known.id
        into v_id
        from lockstep.groups as known
        where known.name = p_name;

        if found then
            return v_id;
        end if;

        -- Of many at once one gets the name; the others wait here, and have drawn no number of the sequence.
        insert into lockstep.pending_names (kind, name)
        values ('group', p_name)
        on conflict do nothing;

        if found and not exists (
            select from lockstep.groups as known
            where known.name = p_name
        ) then
            insert into lockstep.groups (name)
            values (p_name)
            on conflict (name) do nothing
            returning id into v_id;
        end if;

        delete from lockstep.pending_names as pending
        where pending.kind = 'group'
            and pending.name = p_name;

        if v_id is not null then
            return v_id;
        end if;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the group vanished while it was being made',
        detail = format('name=%s', p_name),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$function$;

comment on function lockstep.get_or_create_group(text) is
$comment$The id of the group of this name, which is made if there is none: one row, however many ask at once.

Raises 23502 or 23514 for no name, or one of more than 200 characters; 40001 (retry). Waits for another who makes it.
Of several names the lowest first.$comment$;

revoke all on function lockstep.get_or_create_group(text) from public;
grant execute on function lockstep.get_or_create_group(text) to lockstep_admin, lockstep_auth;
