create or replace function lockstep.store_answer(
    p_user_id bigint,
    p_key text,
    p_answer jsonb
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update lockstep.idempotency_keys as known
    set answer = p_answer
    where known.user_id = p_user_id
        and known.key = p_key;
$function$;

comment on function lockstep.store_answer(bigint, text, jsonb) is
'Keeps what the call that claimed this key returns, for those who retry it.';

revoke all on function lockstep.store_answer(bigint, text, jsonb) from public;
-- Not to applications: who may store an answer may forge one.
grant execute on function lockstep.store_answer(bigint, text, jsonb) to lockstep_auth;
