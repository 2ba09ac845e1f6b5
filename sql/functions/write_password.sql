create or replace function lockstep.write_password(
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
    perform from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    insert into lockstep.credentials (user_id, password_hash, changed_at)
    values (p_user_id, p_password_hash, clock_timestamp())
    on conflict on constraint credentials_pkey do update
        set password_hash = excluded.password_hash,
            changed_at = excluded.changed_at;

    -- What was made to get around the old password is of no use any more, and neither is its count.
    delete from lockstep.password_resets as reset
    where reset.user_id = p_user_id;

    delete from lockstep.sign_in_attempts as attempt
    using lockstep.users as person
    where person.id = p_user_id
        and attempt.kind = 'account'
        and attempt.name = lower(person.email);
end;
$function$;

comment on function lockstep.write_password(bigint, text) is
$comment$Stores the hash of a person's new password, and forgets their reset and their failed sign-ins.

Raises 23503 no such user, 23514 not an argon2id hash. Locks the person.$comment$;

revoke all on function lockstep.write_password(bigint, text) from public;
