create or replace function lockstep.create_admin(
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
    insert into lockstep.users (email, role)
    values (p_email, 'admin')
    returning * into v_person;

    perform lockstep.write_password(v_person.id, p_password_hash);

    return v_person;
end;
$function$;

comment on function lockstep.create_admin(text, text) is
$comment$Makes an admin with a password. For the operator, on the console.

Returns the person. Raises 23505 when somebody has this e-mail address, 23514 not an argon2id hash.$comment$;

-- To nobody: it makes somebody who may do everything.
revoke all on function lockstep.create_admin(text, text) from public;
