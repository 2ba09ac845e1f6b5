create or replace function lockstep.adopt_users(
    p_run_id bigint,
    p_limit integer
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_run constant lockstep.adoption_runs := (
        select run from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
    v_first_user bigint;
    v_last_user bigint;
    v_rows bigint;
    v_missing bigint;
begin
    if exists (
        select from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
            and staged.moves_to is not null
            and not staged.done
    ) then
        v_rows := lockstep.adopt_moves(p_run_id);

        -- None, where all of them turned out to be changed here.
        if v_rows > 0 then
            return v_rows;
        end if;
    end if;

    select min(next.user_id), max(next.user_id), count(*)
    into v_first_user, v_last_user, v_rows
    from (
        select staged.user_id
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
            and not staged.done
            and staged.user_id is not null
        order by staged.user_id
        limit p_limit
    ) as next;

    if v_rows = 0 then
        return v_rows;
    end if;

    perform
    from lockstep.users as person
    inner join lockstep.adoption_staging as staged on staged.user_id = person.id
    where staged.table_name = 'users'
        and not staged.done
        and staged.user_id between v_first_user and v_last_user
    order by person.id
    for no key update of person;

    -- Those who are locked now were perhaps changed after the plan was written.
    perform lockstep.mark_changed_here(v_run.source);

    perform lockstep.write_adopted_users(array(
        select staged.source_id
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
            and not staged.done
            and staged.user_id between v_first_user and v_last_user
            and staged.state = 'changed'
    ));

    insert into lockstep.users (id, email, name, role, is_active, created_at, updated_at)
    select
        staged.user_id,
        coalesce(
            nullif(btrim(staged.content ->> 'email'), ''),
            format('adopted-%s@%s.invalid', staged.user_id, left(md5(v_run.source), 8))
        ),
        coalesce(staged.content ->> 'name', staged.content ->> 'display_name', staged.content ->> 'username', ''),
        lockstep.adopted_role(staged.content, 'student'),
        coalesce(staged.content ->> 'is_active', 'true') not in ('false', '0'),
        coalesce(read.times[1], now()),
        coalesce(read.times[2], read.times[1], now())
    from lockstep.adoption_staging as staged
    cross join lateral (
        select lockstep.adopted_times(staged.content, array['created_at', 'updated_at'], v_run.timezone) as times
        offset 0
    ) as read
    where staged.table_name = 'users'
        and not staged.done
        and staged.user_id between v_first_user and v_last_user
        and staged.state = 'new'
        and staged.outcome in ('imported', 'repaired')
    on conflict do nothing;

    get diagnostics v_missing = row_count;

    v_missing := (
        select count(*)
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
            and not staged.done
            and staged.user_id between v_first_user and v_last_user
            and staged.state = 'new'
            and staged.outcome in ('imported', 'repaired')
    ) - v_missing;

    if v_missing > 0 then
        raise exception using
            errcode = 'serialization_failure',
            message = 'an id or an address was taken by somebody else meanwhile',
            detail = format('%s users', v_missing),
            hint = 'Adopt again: what came over stays.';
    end if;

    perform lockstep.record_adopted(p_run_id, array['users'], v_first_user, v_last_user);
    return v_rows;
end;
$function$;

comment on function lockstep.adopt_users(bigint, integer) is
$comment$Brings the next users of a planned adoption over: 0 when all are.

One whom the source changed gets address, name, role and activity from it; who has another address comes first.
Raises 40001 (adopt again) when an id or an address was taken meanwhile. Locks the users' rows, by id.$comment$;

revoke all on function lockstep.adopt_users(bigint, integer) from public;
