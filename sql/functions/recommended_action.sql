create or replace function lockstep.recommended_action(
    p_progress_level integer,
    p_license_level integer
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select case
        when p_progress_level = p_license_level then null
        when p_license_level is null and p_progress_level is null then null
        when p_license_level is null then 'create_license_from_progress'
        when p_progress_level is null then 'create_progress_from_license'
        else 'sync_to_higher_level'
    end;
$function$;

comment on function lockstep.recommended_action(integer, integer) is
'What to do about these two levels of one pair; null where they agree. A missing side is null.';

revoke all on function lockstep.recommended_action(integer, integer) from public;
grant execute on function lockstep.recommended_action(integer, integer)
to lockstep_owner, lockstep_coupler, lockstep_admin, lockstep_readonly, lockstep_legacy;
