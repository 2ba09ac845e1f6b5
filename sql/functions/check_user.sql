create or replace function lockstep.check_user(
    p_user_id bigint
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select from lockstep.users as person
        where person.id = p_user_id
    ) then
        raise exception using
            errcode = 'LS001',
            message = 'user not found',
            detail = format('user_id=%s', coalesce(p_user_id::text, 'null')),
            hint = 'Create the user first.';
    end if;
end;
$function$;

comment on function lockstep.check_user(bigint) is 'Raises LS001 when there is no such user.';

revoke all on function lockstep.check_user(bigint) from public;
