create or replace function lockstep.ensure_admin(
    p_email text,
    p_password_hash text
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
    -- Of two who ask at once the second waits here, and finds what the first did.
    perform from lockstep.settings as setting
    where setting.name = 'session_lifetime'
    for no key update;

    if exists (
        select from lockstep.users as person
        inner join lockstep.credentials as credential on credential.user_id = person.id
        where person.role = 'admin'
            and person.is_active
    ) then
        return null;
    end if;

    select person.*
    into v_person
    from lockstep.users as person
    where person.role = 'admin'
        and person.is_active
    order by person.id
    limit 1;

    if not found then
        return lockstep.create_admin(p_email, p_password_hash);
    end if;

    perform lockstep.write_password(v_person.id, p_password_hash);

    return v_person;
end;
$function$;

comment on function lockstep.ensure_admin(text, text) is
$comment$Sees to it that an active admin can sign in: gives the first one this password if none has one.

Returns them, and null where nothing was to do. The e-mail address is for the admin that is made where there is
none at all. For the operator, on the console. Raises 23514 not an argon2id hash. Locks a setting, then the
person.$comment$;

-- To nobody: it makes somebody who may do everything.
revoke all on function lockstep.ensure_admin(text, text) from public;
