create or replace function lockstep.export_user(
    p_actor_id bigint,
    p_user_id bigint
)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_user(p_user_id);

    return jsonb_build_object(
        'user_id', p_user_id,
        'exported_at', clock_timestamp(),
        -- One function a part of the schema; a test finds a table that none of them names.
        'tables', lockstep.export_account(p_user_id)
            || lockstep.export_records(p_user_id)
            || lockstep.export_queue(p_user_id)
            || lockstep.export_projects(p_user_id)
            || lockstep.export_adopted(p_user_id)
    );
end;
$function$;

comment on function lockstep.export_user(bigint, bigint) is
$comment$Everything that is held about a person, for an admin who hands it to them: rows by table, of every table that
can have some. Never a hash of a password or of a token.

Raises LS001 no such user, LS031 the actor is no admin. Locks nothing.$comment$;

revoke all on function lockstep.export_user(bigint, bigint) from public;
grant execute on function lockstep.export_user(bigint, bigint) to lockstep_admin;
