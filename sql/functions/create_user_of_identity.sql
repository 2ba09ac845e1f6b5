create or replace function lockstep.create_user_of_identity(
    p_issuer text,
    p_subject text,
    p_email text,
    p_email_verified boolean,
    p_name text
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- An address that nobody checked may be anybody's. One under .invalid can get no mail, and is never given out.
    v_email text := case
        when p_email_verified and p_email is not null then p_email
        else encode(sha256(convert_to(p_issuer || ' ' || p_subject, 'UTF8')), 'hex') || '@identity.invalid'
    end;
    v_id bigint;
begin
    -- Looked up first: an insert that conflicts would burn a number of the sequence each time.
    if not exists (
        select from lockstep.users as person
        where lower(person.email) = lower(v_email)
    ) then
        insert into lockstep.users (email, name)
        values (v_email, coalesce(p_name, ''))
        on conflict do nothing
        returning id into v_id;
    end if;

    if v_id is null then
        raise exception using
            errcode = 'LS036',
            message = 'another account has this e-mail address',
            detail = 'the provider names an address that somebody here has',
            hint = 'Sign in to that account as before, or ask an admin to link this identity to it.';
    end if;

    return v_id;
end;
$function$;

comment on function lockstep.create_user_of_identity(text, text, text, boolean, text) is
$comment$Makes the user of a new identity, a student, with their e-mail address if the provider checked it.

Returns the id. Raises LS036 somebody has this address. Waits for another who takes it.$comment$;

revoke all on function lockstep.create_user_of_identity(text, text, text, boolean, text) from public;
