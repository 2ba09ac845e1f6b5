create or replace function lockstep.check_not_erased(
    p_user_id bigint
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if exists (
        select from lockstep.erasures as erasure
        where erasure.user_id = p_user_id
    ) then
        raise exception using
            errcode = 'LS043',
            message = 'this person was erased',
            detail = format('user_id=%s', p_user_id),
            hint = 'Make a new account, if the person comes back.';
    end if;
end;
$function$;

comment on function lockstep.check_not_erased(bigint) is
'Raises LS043 when there is only a pseudonym left: nothing that is written about a person may bring them back.';

revoke all on function lockstep.check_not_erased(bigint) from public;
