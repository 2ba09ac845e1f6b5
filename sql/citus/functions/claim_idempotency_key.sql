create or replace function lockstep.claim_idempotency_key(
    p_user_id bigint,
    p_key text,
    p_function_name text,
    p_arguments jsonb
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_known lockstep.idempotency_keys;
begin
    if length(p_key) not between 1 and 255 then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('idempotency_key has %s characters', length(p_key)),
            hint = 'Use 1 to 255 characters.';
    end if;

    perform lockstep.check_user(p_user_id);

    -- A second caller with the same key waits here until the first has committed or rolled back.
    -- No select: of one with `on conflict do nothing` Citus counts what was read, not what was put in.
    insert into lockstep.idempotency_keys (user_id, key, function_name, arguments)
    values (p_user_id, p_key, p_function_name, p_arguments)
    on conflict do nothing;

    if found then
        return null;
    end if;

    select known.*
    into v_known
    from lockstep.idempotency_keys as known
    where known.user_id = p_user_id
        and known.key = p_key;

    if not found then
        perform lockstep.check_user(p_user_id);

        -- A purge took the old key between the two statements: nothing was claimed.
        raise exception using
            errcode = 'serialization_failure',
            message = 'the idempotency key expired meanwhile',
            detail = format('user_id=%s key=%s', p_user_id, p_key),
            hint = 'Retry.';
    end if;

    if v_known.function_name <> p_function_name or v_known.arguments <> p_arguments then
        raise exception using
            errcode = 'LS007',
            message = 'idempotency key was used with other arguments',
            detail = format(
                'user_id=%s key=%s first: %s%s now: %s%s',
                p_user_id, p_key, v_known.function_name, v_known.arguments, p_function_name, p_arguments
            ),
            hint = 'A new request needs a new key; a retry repeats its arguments exactly.';
    end if;

    return v_known.answer;
end;
$function$;

comment on function lockstep.claim_idempotency_key(bigint, text, text, jsonb) is
$comment$Claims a key for this call, in this transaction: a rollback gives it back.

Returns null when the call is the first with this key, else the answer stored by the first.
Raises LS001 when the user does not exist, LS006 for an unusable key, LS007 when the key was used
with another function or other arguments, 40001 (retry) when a purge takes the old key meanwhile.
Locks the key, before any row of the pair.$comment$;

revoke all on function lockstep.claim_idempotency_key(bigint, text, text, jsonb) from public;
-- Not to applications: who may store an answer may forge one.
grant execute on function lockstep.claim_idempotency_key(bigint, text, text, jsonb) to lockstep_auth;
