create or replace function lockstep.erase_adopted(
    p_user_id bigint
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_rows bigint;
    v_staged bigint;
    v_pairs bigint;
begin
    -- That the row was theirs stays, or the next adoption would bring them back.
    update lockstep.adopted_rows as adopted
    set outcome = 'erased',
        reasons = '{}',
        hash = null,
        target_state = null,
        content = null,
        extra = null
    where adopted.user_id = p_user_id
        and adopted.outcome <> 'erased';

    get diagnostics v_rows = row_count;

    delete from lockstep.adoption_staging as staged
    where staged.user_id = p_user_id;

    get diagnostics v_staged = row_count;

    delete from lockstep.adoption_pairs as pair
    where pair.user_id = p_user_id;

    get diagnostics v_pairs = row_count;

    return jsonb_build_object('adopted_rows', v_rows, 'adoption_staging', v_staged, 'adoption_pairs', v_pairs);
end;
$function$;

comment on function lockstep.erase_adopted(bigint) is
$comment$Takes what other systems had of a person out of what is kept of an adoption, and keeps them from coming back with
the next one.

Returns how many rows were emptied or deleted, by table. Locks them.$comment$;

revoke all on function lockstep.erase_adopted(bigint) from public;
