create or replace function lockstep.start_sign_in(
    p_email text,
    p_address inet
)
returns lockstep.credentials
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_known lockstep.credentials;
begin
    perform lockstep.count_attempt(
        'account', lower(p_email), lockstep.setting('sign_in_free_failures')::integer
    );

    if p_address is not null then
        perform lockstep.count_attempt(
            'address', lockstep.network_of(p_address), lockstep.setting('sign_in_free_failures_address')::integer
        );
    end if;

    select credential.*
    into v_known
    from lockstep.users as person
    inner join lockstep.credentials as credential on credential.user_id = person.id
    where lower(person.email) = lower(p_email)
        and person.is_active;

    return v_known;
end;
$function$;

comment on function lockstep.start_sign_in(text, inet) is
$comment$Counts an attempt to sign in, of the account and of the address, and says what the password is compared with.

It is counted as failed before anybody looks at the password, so that guesses in parallel count too: commit it,
then compare; finish_sign_in() takes it back. Returns nulls where nobody active has this e-mail address and a
password, after the same work. Raises LS033 after too many failures, 23502 for no e-mail address.
Locks the counts, account before address.$comment$;

revoke all on function lockstep.start_sign_in(text, inet) from public;
grant execute on function lockstep.start_sign_in(text, inet) to lockstep_auth;
