create or replace function lockstep.lock_account(
    p_actor_id bigint,
    p_user_id bigint,
    p_stays_admin boolean default true
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_leaves constant boolean := not p_stays_admin and exists (
        select from lockstep.users as person
        where person.id = p_user_id
            and person.role = 'admin'
            and person.is_active
    );
begin
    -- Of two admins who remove each other the second waits here, and is no admin any more below.
    perform
    from lockstep.users as person
    where person.id = p_user_id
        or (v_leaves and person.role = 'admin' and person.is_active)
    order by person.id
    for no key update;

    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_user(p_user_id);

    if not p_stays_admin and not v_leaves and exists (
        select from lockstep.users as person
        where person.id = p_user_id
            and person.role = 'admin'
            and person.is_active
    ) then
        raise exception using
            errcode = 'serialization_failure',
            message = 'the user became an admin meanwhile',
            detail = format('user_id=%s', p_user_id),
            hint = 'Retry.';
    end if;

    if v_leaves and not exists (
        select from lockstep.users as person
        where person.role = 'admin'
            and person.is_active
            and person.id <> p_user_id
    ) then
        raise exception using
            errcode = 'LS041',
            message = 'somebody has to stay admin',
            detail = format('user_id=%s', p_user_id),
            hint = 'Make somebody else an admin first.';
    end if;
end;
$function$;

comment on function lockstep.lock_account(bigint, bigint, boolean) is
$comment$Lets an admin change an account, and holds it until the end of the transaction.

p_stays_admin false: whatever the user is now, they will be no active admin; another one has to be left.
Raises LS001 no such user, LS031 the actor is no admin, LS041 the last admin, 40001 (retry) when they became one
meanwhile. Locks the user's row; where an active admin is to leave, those of all active admins, by id.$comment$;

revoke all on function lockstep.lock_account(bigint, bigint, boolean) from public;
