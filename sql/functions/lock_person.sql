create or replace function lockstep.lock_person(
    p_user_id bigint
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
    -- Lock order of an account, everywhere: the person, then what hangs on them.
    select person.*
    into v_person
    from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    if v_person.is_active is not true then
        raise exception using
            errcode = 'LS030',
            message = 'not signed in',
            detail = 'the account is not active',
            hint = 'Ask an admin.';
    end if;

    return v_person;
end;
$function$;

comment on function lockstep.lock_person(bigint) is
$comment$Holds the account of somebody who signs in, and who stays active until the end of the transaction.

Who deactivates them waits, and then ends the session that was made here too. Raises LS030 account not active.
Locks the person.$comment$;

revoke all on function lockstep.lock_person(bigint) from public;
