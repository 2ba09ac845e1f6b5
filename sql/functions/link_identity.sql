create or replace function lockstep.link_identity(
    p_actor_id bigint,
    p_user_id bigint,
    p_issuer text,
    p_subject text
)
returns setof lockstep.identities
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_not_erased(p_user_id);

    insert into lockstep.identities (issuer, subject, user_id)
    values (p_issuer, p_subject, p_user_id)
    on conflict do nothing;

    if not exists (
        select from lockstep.identities as identity
        where identity.issuer = p_issuer
            and identity.subject = p_subject
            and identity.user_id = p_user_id
    ) then
        raise exception using
            errcode = 'LS044',
            message = 'this identity belongs to somebody else',
            detail = format('issuer=%s subject=%s', p_issuer, p_subject),
            hint = 'Take it from them first.';
    end if;

    return query
    select identity.*
    from lockstep.identities as identity
    where identity.user_id = p_user_id
    order by identity.issuer, identity.subject;
end;
$function$;

comment on function lockstep.link_identity(bigint, bigint, text, text) is
$comment$Says who a person is at an OpenID provider, by an admin: a sign-in there is theirs from now on.

Returns all identities of the person; again changes nothing.
Raises LS001 no such user, LS031 the actor is no admin, LS043 erased, LS044 somebody else's identity, 23502 no
issuer or subject. Locks the user's row; waits for a first sign-in with this identity.$comment$;

revoke all on function lockstep.link_identity(bigint, bigint, text, text) from public;
grant execute on function lockstep.link_identity(bigint, bigint, text, text) to lockstep_admin;
