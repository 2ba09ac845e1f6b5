create or replace function lockstep.check_password_hash(
    p_user_id bigint,
    p_password_hash text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.lock_person(p_user_id);

    if not exists (
        select from lockstep.credentials as credential
        where credential.user_id = p_user_id
            and credential.password_hash = p_password_hash
    ) then
        raise exception using
            errcode = 'LS034',
            message = 'e-mail or password is wrong',
            detail = 'the password was changed a moment ago',
            hint = 'Use the new one.';
    end if;
end;
$function$;

comment on function lockstep.check_password_hash(bigint, text) is
$comment$Whether this is still the hash of the password, which stays so until the end of the transaction.

Raises LS030 account not active, LS034 if not. Locks the person.$comment$;

revoke all on function lockstep.check_password_hash(bigint, text) from public;
