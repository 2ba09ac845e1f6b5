create or replace function lockstep.check_admin(
    p_actor_id bigint
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select from lockstep.users as actor
        where actor.id = p_actor_id
            and actor.role = 'admin'
            and actor.is_active
    ) then
        raise exception using
            errcode = 'LS031',
            message = 'this is not for your role',
            detail = format('actor_id=%s allowed=admin', coalesce(p_actor_id::text, 'null')),
            hint = 'Ask an admin.';
    end if;
end;
$function$;

comment on function lockstep.check_admin(bigint) is 'Raises LS031 unless the actor is an active admin.';

revoke all on function lockstep.check_admin(bigint) from public;
