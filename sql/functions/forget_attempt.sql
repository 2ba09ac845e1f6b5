create or replace function lockstep.forget_attempt(
    p_user_id bigint,
    p_address inet
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from lockstep.sign_in_attempts as attempt
    using lockstep.users as person
    where person.id = p_user_id
        and attempt.kind = 'account'
        and attempt.name = lower(person.email);

    -- Only this one: who has an account of their own could guess at others' for ever between two sign-ins.
    update lockstep.sign_in_attempts as attempt
    set failures = greatest(attempt.failures - 1, 0)
    where attempt.kind = 'address'
        and attempt.name = lockstep.network_of(p_address);
end;
$function$;

comment on function lockstep.forget_attempt(bigint, inet) is
$comment$Takes back what start_sign_in() counted, as it succeeded: all of the account's failures, one of the address's.

Locks the counts, account before address.$comment$;

revoke all on function lockstep.forget_attempt(bigint, inet) from public;
