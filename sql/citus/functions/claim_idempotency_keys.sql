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
declare
    v_wanted record;
begin
    -- One by one, in order: Citus takes a row that is not there yet by its values.
    -- The arguments follow with the answer: until the commit nobody else sees these rows.
    for v_wanted in
        select distinct
            person.id as user_id,
            item.idempotency_key as key
        from unnest(p_items) as item
        inner join lockstep.users as person
            on person.id = item.user_id
        where length(item.idempotency_key) between 1 and 255
        order by 1, 2
    loop
        insert into lockstep.idempotency_keys (user_id, key, function_name, arguments)
        values (v_wanted.user_id, v_wanted.key, p_function_name, 'null')
        on conflict do nothing;
    end loop;
end;
$function$;

comment on function lockstep.claim_idempotency_keys(text, lockstep.batch_item[]) is
$comment$Claims the keys of a batch that nobody has used, in order, before any row of a pair is locked.

A key of ours has no answer yet; give back with release_idempotency_keys() what is not used.
Locks the keys.$comment$;

revoke all on function lockstep.claim_idempotency_keys(text, lockstep.batch_item[]) from public;
