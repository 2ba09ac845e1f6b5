create or replace function lockstep.check_version_given(
    p_expected_version integer
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_expected_version is null and lockstep.setting('require_if_match') = 'on' then
        raise exception using
            errcode = 'LS053',
            message = 'the version that is to be changed must be named',
            detail = 'expected_version=null',
            hint = 'Read the project, and name the version that was read: If-Match over HTTP.';
    end if;
end;
$function$;

comment on function lockstep.check_version_given(integer) is
'Raises LS053 when the setting require_if_match is on and no version is named.';

revoke all on function lockstep.check_version_given(integer) from public;
