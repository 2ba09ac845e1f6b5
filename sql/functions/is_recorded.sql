create or replace function lockstep.is_recorded(
    p_user_id bigint,
    p_license_id bigint,
    p_to_level integer
)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return coalesce((
        select progression.to_level = p_to_level
            and progression.transaction_id = pg_current_xact_id_if_assigned()
        from lockstep.license_progressions as progression
        where progression.user_id = p_user_id
            and progression.user_license_id = p_license_id
            and progression.route <> 'client'
        order by progression.id desc
        limit 1
    ), false);
end;
$function$;

comment on function lockstep.is_recorded(bigint, bigint, integer) is
'Whether the newest history row of a license is of this transaction and ends at this level: one statement that
writes both sides alike fires both mirrors, and is one change.';

revoke all on function lockstep.is_recorded(bigint, bigint, integer) from public;
