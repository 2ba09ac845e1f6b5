create or replace function lockstep.lock_holders(
    p_user_id bigint,
    p_specialization_id text
)
returns integer[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_last_lockers xid[];
    v_last_locker xid;
    v_members xid[];
    v_holders integer[] := array[]::integer[];
begin
    v_last_lockers := array(
        select progress.xmax
        from lockstep.specialization_progress as progress
        where progress.student_id = p_user_id
            and progress.specialization_id = p_specialization_id
        union all
        select license.xmax
        from lockstep.user_licenses as license
        where license.user_id = p_user_id
            and license.specialization_type = p_specialization_id
        union all
        -- Where there is no progress row, the user's row stands in for it.
        select person.xmax
        from lockstep.users as person
        where person.id = p_user_id
            and not exists (
                select from lockstep.specialization_progress as progress
                where progress.student_id = p_user_id
                    and progress.specialization_id = p_specialization_id
            )
    );

    foreach v_last_locker in array v_last_lockers loop
        continue when v_last_locker = '0';
        v_members := array[v_last_locker];

        -- Several lockers at once stand behind one number; whether it is such a number, the row does not say.
        if not exists (
            select from pg_catalog.pg_locks as held
            where held.transactionid = v_last_locker
        ) then
            begin
                v_members := array(
                    select member.xid
                    from pg_get_multixact_members(v_last_locker) as member
                    where member.mode in ('nokeyupd', 'upd', 'fornokeyupd', 'forupd')
                );
            exception
                when internal_error then
                    v_members := array[]::xid[];
            end;
        end if;

        v_holders := v_holders || array(
            select held.pid
            from pg_catalog.pg_locks as held
            where held.locktype = 'transactionid'
                and held.granted
                and held.mode = 'ExclusiveLock'
                and held.transactionid = any(v_members)
                and held.pid <> pg_backend_pid()
                and held.pid <> all(v_holders)
        );
    end loop;

    return v_holders;
end;
$function$;

comment on function lockstep.lock_holders(bigint, text) is
$comment$The server processes that hold a pair right now, as its rows and pg_locks show it; empty: nobody.

For who gave up waiting: a session cannot look while it waits.$comment$;

revoke all on function lockstep.lock_holders(bigint, text) from public;
grant execute on function lockstep.lock_holders(bigint, text) to lockstep_app, lockstep_admin;
