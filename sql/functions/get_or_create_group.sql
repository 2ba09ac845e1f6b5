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
    loop
        -- Looked up first: an insert that conflicts would burn a number of the sequence each time.
        select known.id
        into v_id
        from lockstep.groups as known
        where known.name = p_name;

        exit when found;

        -- Of many at once one inserts; the others wait for it here, and find its row above.
        insert into lockstep.groups (name)
        values (p_name)
        on conflict do nothing;
    end loop;

    return v_id;
end;
$function$;

comment on function lockstep.get_or_create_group(text) is
$comment$The id of the group of this name, which is made if there is none: one row, however many ask at once.

Raises 23502 or 23514 for no name, or one of more than 200 characters. Waits for another who makes it.$comment$;

revoke all on function lockstep.get_or_create_group(text) from public;
grant execute on function lockstep.get_or_create_group(text) to lockstep_admin, lockstep_auth;
