create or replace function lockstep.refuse_delete_with_history(
    p_user_id bigint,
    p_specialization_id text
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if exists (
        select
        from lockstep.user_licenses as license
        inner join lockstep.license_progressions as progression
            on progression.user_id = license.user_id
            and progression.user_license_id = license.id
        where license.user_id = p_user_id
            and license.specialization_type = p_specialization_id
    ) then
        raise exception using
            errcode = 'LS008',
            message = 'a pair with history cannot be deleted',
            detail = format('user_id=%s specialization_id=%s', p_user_id, p_specialization_id),
            hint = 'Deactivate it: update user_licenses set is_active = false.';
    end if;
end;
$function$;

comment on function lockstep.refuse_delete_with_history(bigint, text) is
'Raises LS008 when the license of this pair has history. A pair without history may go.';

revoke all on function lockstep.refuse_delete_with_history(bigint, text) from public;
