create or replace function lockstep.unlink_identity(
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

    delete from lockstep.identities as identity
    where identity.issuer = p_issuer
        and identity.subject = p_subject
        and identity.user_id = p_user_id;

    return query
    select identity.*
    from lockstep.identities as identity
    where identity.user_id = p_user_id
    order by identity.issuer, identity.subject;
end;
$function$;

comment on function lockstep.unlink_identity(bigint, bigint, text, text) is
$comment$Takes an identity at an OpenID provider from a person, by an admin. Sessions that it began go on.

Returns the identities that are left; one that the person does not have changes nothing.
Raises LS001 no such user, LS031 the actor is no admin. Locks the user's row.$comment$;

revoke all on function lockstep.unlink_identity(bigint, bigint, text, text) from public;
grant execute on function lockstep.unlink_identity(bigint, bigint, text, text) to lockstep_admin;
