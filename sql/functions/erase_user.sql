create or replace function lockstep.erase_user(
    p_actor_id bigint,
    p_user_id bigint,
    p_reason text default null
)
returns lockstep.erasures
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_counts jsonb;
    v_erasure lockstep.erasures;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id, p_stays_admin => false);

    insert into lockstep.erasures (user_id, erased_by, reason, counts)
    values (p_user_id, p_actor_id, p_reason, '{}')
    on conflict on constraint erasures_pkey do nothing;

    -- One function a part of the schema; a test finds a table that none of them names. Records first: they
    -- wait for a change that is under way, and the key of that call is there to be deleted then.
    v_counts := lockstep.erase_queue(p_user_id);
    v_counts := v_counts || lockstep.erase_records(p_user_id);
    v_counts := v_counts || lockstep.erase_projects(p_user_id);
    v_counts := v_counts || lockstep.erase_adopted(p_user_id);
    v_counts := v_counts || lockstep.erase_account(p_user_id);

    update lockstep.erasures as erasure
    set counts = (
            select jsonb_object_agg(
                touched.name, touched.rows::bigint + coalesce((erasure.counts ->> touched.name)::bigint, 0)
            )
            from jsonb_each_text(v_counts) as touched (name, rows)
        )
    where erasure.user_id = p_user_id
    returning erasure.* into v_erasure;

    return v_erasure;
end;
$function$;

comment on function lockstep.erase_user(bigint, bigint, text) is
$comment$Erases a person, by an admin: name, addresses, what signs them in, groups, and every free text about them go; the
figures stay, under a pseudonym. The one exception to a history that only grows.

Returns the record of it. A second time takes what came in since; the record keeps who did it first, and why.
Raises LS001 no such user, LS031 the actor is no admin, LS041 the last admin.
Locks the user's row (of an admin, those of all active admins), then specialization_progress, then user_licenses,
then projects, then blobs.$comment$;

revoke all on function lockstep.erase_user(bigint, bigint, text) from public;
grant execute on function lockstep.erase_user(bigint, bigint, text) to lockstep_admin;
