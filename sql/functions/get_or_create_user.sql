create or replace function lockstep.get_or_create_user(
    p_email text,
    p_name text default '',
    p_role text default 'student'
)
returns lockstep.users
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_person lockstep.users;
begin
    -- Once for a user who is there; twice for one whom this or another makes.
    for v_attempt in 1..3 loop
        select person.*
        into v_person
        from lockstep.users as person
        where lower(person.email) = lower(p_email);

        if found then
            return v_person;
        end if;

        -- Of many at once one gets the name; the others wait here, and have drawn no number of the sequence.
        insert into lockstep.pending_names (kind, name)
        values ('user', lower(p_email))
        on conflict do nothing;

        if found and not exists (
            select from lockstep.users as person
            where lower(person.email) = lower(p_email)
        ) then
            insert into lockstep.users (email, name, role)
            values (p_email, p_name, p_role)
            on conflict (lower(email)) do nothing
            returning * into v_person;
        end if;

        delete from lockstep.pending_names as pending
        where pending.kind = 'user'
            and pending.name = lower(p_email);

        if v_person.id is not null then
            return v_person;
        end if;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the user vanished while they were being made',
        detail = format('email=%s', p_email),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$function$;

comment on function lockstep.get_or_create_user(text, text, text) is
$comment$The user with this e-mail address, whatever its case, who is made if there is none: one row, however many ask at once.

One who is there stays as they are. For whoever knows whose address it is: nobody signs in by this.
Raises 23502 or 23514 no address, or no such role; 40001 (retry). Waits for another who makes the same.$comment$;

revoke all on function lockstep.get_or_create_user(text, text, text) from public;
grant execute on function lockstep.get_or_create_user(text, text, text) to lockstep_admin;
