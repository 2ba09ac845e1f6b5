create or replace function lockstep.release_idempotency_keys(
    p_items lockstep.batch_item[]
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from lockstep.idempotency_keys as claimed
    using unnest(p_items) as item
    where claimed.user_id = item.user_id
        and claimed.key = item.idempotency_key
        -- Claimed in this transaction: whoever else claims a key stores its answer before the commit.
        and claimed.answer is null;
end;
$function$;

comment on function lockstep.release_idempotency_keys(lockstep.batch_item[]) is
'Gives back keys that claim_idempotency_keys() claimed and nothing has answered; others that want them wait on until the commit.';

revoke all on function lockstep.release_idempotency_keys(lockstep.batch_item[]) from public;
