create or replace function lockstep.adopted_user_state(
    p_user lockstep.users
)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select md5(concat_ws('|', p_user.email, p_user.name, p_user.role, p_user.is_active));
$function$;

comment on function lockstep.adopted_user_state(lockstep.users) is
'What tells whether a user is still as an adoption left them.';

revoke all on function lockstep.adopted_user_state(lockstep.users) from public;
grant execute on function lockstep.adopted_user_state(lockstep.users) to lockstep_coupler;
