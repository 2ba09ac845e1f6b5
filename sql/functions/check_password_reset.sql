create or replace function lockstep.check_password_reset(
    p_user_id bigint,
    p_token_hash bytea
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    if not exists (
        select from lockstep.password_resets as reset
        inner join lockstep.users as person on person.id = reset.user_id
        where reset.user_id = p_user_id
            and reset.token_hash = p_token_hash
            and reset.expires_at > clock_timestamp()
            and person.is_active
    ) then
        raise exception using
            errcode = 'LS035',
            message = 'this reset is not good, or not any more',
            detail = 'the token is wrong, used, replaced or expired, or the account is not active',
            hint = 'Ask an admin for another.';
    end if;
end;
$function$;

comment on function lockstep.check_password_reset(bigint, bytea) is
$comment$Whether a token may still reset a password: asked before the new one is hashed, which is not for free.

Raises LS035 if not. Locks the person.$comment$;

revoke all on function lockstep.check_password_reset(bigint, bytea) from public;
grant execute on function lockstep.check_password_reset(bigint, bytea) to lockstep_auth;
