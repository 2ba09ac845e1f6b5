create or replace function lockstep.get_or_create_identity(
    p_issuer text,
    p_subject text,
    p_email text,
    p_email_verified boolean,
    p_name text,
    p_groups text[]
)
returns lockstep.users
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_user_id bigint;
    v_person lockstep.users;
begin
    -- Claimed before there is anybody to give it to, and for nobody: of many who come at once for the first
    -- time the others wait here, and make no user. No commit leaves it so, the deferred key sees to that.
    insert into lockstep.identities (issuer, subject, user_id)
    values (p_issuer, p_subject, 0)
    on conflict on constraint identities_pkey do nothing;

    if found then
        v_user_id := lockstep.create_user_of_identity(p_issuer, p_subject, p_email, p_email_verified, p_name);
    else
        select known.user_id
        into v_user_id
        from lockstep.identities as known
        where known.issuer = p_issuer
            and known.subject = p_subject;
    end if;

    v_person := lockstep.lock_person(v_user_id);

    update lockstep.identities as known
    set user_id = v_user_id,
        email = p_email,
        email_verified = coalesce(p_email_verified, false),
        last_sign_in_at = clock_timestamp()
    where known.issuer = p_issuer
        and known.subject = p_subject;

    if p_groups is not null then
        perform lockstep.follow_claims(v_user_id, p_groups);
    end if;

    return v_person;
end;
$function$;

comment on function lockstep.get_or_create_identity(text, text, text, boolean, text, text[]) is
$comment$The person whom a provider knows as this subject, who is made at the first sign-in: one, however many come at once.

Never found by e-mail address. Group memberships by claim follow p_groups; null leaves them. Raises LS030 account
not active, LS036 somebody else has the address, 23502 no issuer or subject, 23514 a group's name too long.
Locks the person, then the identity; a new identity first.$comment$;

revoke all on function lockstep.get_or_create_identity(text, text, text, boolean, text, text[]) from public;
grant execute on function lockstep.get_or_create_identity(text, text, text, boolean, text, text[]) to lockstep_auth;
