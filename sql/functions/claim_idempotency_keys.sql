create or replace function lockstep.claim_idempotency_keys(
    p_function_name text,
    p_items lockstep.batch_item[]
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select from unnest(p_items) as item
        where item.idempotency_key is not null
    ) then
        return;
    end if;

    -- The arguments follow with the answer: until the commit nobody else sees this row.
    insert into lockstep.idempotency_keys (user_id, key, function_name, arguments)
    select wanted.user_id, wanted.key, p_function_name, 'null'
    from (
        select distinct
            person.id as user_id,
            item.idempotency_key as key
        from unnest(p_items) as item
        inner join lockstep.users as person
            on person.id = item.user_id
        where length(item.idempotency_key) between 1 and 255
    ) as wanted
    order by wanted.user_id, wanted.key
    on conflict do nothing;
end;
$function$;

comment on function lockstep.claim_idempotency_keys(text, lockstep.batch_item[]) is
$comment$Claims the keys of a batch that nobody has used, in order, before any row of a pair is locked.

A key of ours has no answer yet; give back with release_idempotency_keys() what is not used.
Locks the keys.$comment$;

revoke all on function lockstep.claim_idempotency_keys(text, lockstep.batch_item[]) from public;
