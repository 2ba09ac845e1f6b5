create or replace function lockstep.create_password_reset(
    p_actor_id bigint,
    p_user_id bigint,
    p_token_hash bytea
)
returns lockstep.password_resets
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_reset lockstep.password_resets;
begin
    perform lockstep.check_user(p_user_id);

    perform from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    insert into lockstep.password_resets (user_id, token_hash, requested_by, expires_at)
    values (
        p_user_id, p_token_hash, p_actor_id, now() + lockstep.setting('password_reset_lifetime')::interval
    )
    on conflict on constraint password_resets_pkey do update
        set token_hash = excluded.token_hash,
            requested_by = excluded.requested_by,
            created_at = excluded.created_at,
            expires_at = excluded.expires_at
    returning * into v_reset;

    return v_reset;
end;
$function$;

comment on function lockstep.create_password_reset(bigint, bigint, bytea) is
$comment$Lets a person choose a password without the present one, by a token, once; it replaces an earlier one.

Returns the reset. Raises LS001 no such user, 23514 not a hash of 32 bytes. Locks the person, then the reset.$comment$;

revoke all on function lockstep.create_password_reset(bigint, bigint, bytea) from public;
grant execute on function lockstep.create_password_reset(bigint, bigint, bytea) to lockstep_admin;
