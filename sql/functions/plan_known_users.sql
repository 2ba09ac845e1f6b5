create or replace function lockstep.plan_known_users(
    p_source text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update lockstep.adoption_staging as staged
    set user_id = known.user_id,
        outcome = case
            when erasure.user_id is not null then 'erased'
            when known.outcome = 'merged' then 'merged'
        end,
        reasons = case
            when known.outcome = 'merged' then known.reasons
            else array_remove(array[
                case when mail.address is null then 'no_mail' end,
                case when lower(btrim(staged.content ->> 'role')) not in ('student', 'instructor', 'admin') then 'unknown_role' end,
                case when lower(person.email) <> mail.address then 'mail_changed' end,
                case when person.role <> lockstep.adopted_role(staged.content, person.role) then 'role_changed' end
            ], null)
        end,
        moves_to = case
            when erasure.user_id is null
                and known.outcome <> 'merged'
                -- One that was taken then is tried again.
                and (known.hash is distinct from staged.hash or known.outcome = 'quarantined')
                and known.target_state = lockstep.adopted_user_state(person)
                and lower(person.email) <> mail.address
                then mail.address
        end
    from lockstep.adopted_rows as known
    left outer join lockstep.users as person on person.id = known.user_id
    left outer join lockstep.erasures as erasure on erasure.user_id = known.user_id
    cross join lateral (
        select row.source_id, nullif(lower(btrim(row.content ->> 'email')), '') as address
        from lockstep.adoption_staging as row
        where row.table_name = 'users'
            and row.source_id = known.source_id
    ) as mail
    where known.source = p_source
        and known.table_name = 'users'
        and known.user_id is not null
        and staged.table_name = 'users'
        and staged.source_id = known.source_id;

    perform lockstep.settle_moves();

    -- Somebody has to stay admin here, whatever the source says of all of them.
    update lockstep.adoption_staging as staged
    set outcome = 'conflict',
        reasons = array['last_admin'],
        moves_to = null
    from lockstep.users as person
    where staged.table_name = 'users'
        and staged.user_id = person.id
        and staged.outcome is null
        and person.role = 'admin'
        and person.is_active
        and lockstep.leaves_admin(p_source, person)
        and not exists (
            select from lockstep.users as other
            where other.role = 'admin'
                and other.is_active
                and not lockstep.leaves_admin(p_source, other)
        );
end;
$function$;

comment on function lockstep.plan_known_users(text) is
$comment$Says of each staged user who was adopted before what changed: an address that somebody else has by now, and the last
admin, stay as they are.$comment$;

revoke all on function lockstep.plan_known_users(text) from public;
