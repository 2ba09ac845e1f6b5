create or replace function lockstep.start_password_change(
    p_actor_id bigint,
    p_address inet
)
returns lockstep.credentials
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select found.*
    from lockstep.users as person
    cross join lateral lockstep.start_sign_in(person.email, p_address) as found
    where person.id = p_actor_id;
$function$;

comment on function lockstep.start_password_change(bigint, inet) is
$comment$start_sign_in() for somebody who has a session: who found it open may not guess the password for ever either.

Raises LS033 after too many failures. Locks the counts, account before address.$comment$;

revoke all on function lockstep.start_password_change(bigint, inet) from public;
grant execute on function lockstep.start_password_change(bigint, inet) to lockstep_auth;
