create or replace function lockstep.leaves_admin(
    p_source text,
    p_user lockstep.users
)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select from lockstep.adoption_staging as staged
        inner join lockstep.adopted_rows as known
            on known.source = p_source
            and known.table_name = staged.table_name
            and known.source_id = staged.source_id
        where staged.table_name = 'users'
            and staged.user_id = p_user.id
            and staged.outcome is null
            and known.hash is distinct from staged.hash
            and known.target_state = lockstep.adopted_user_state(p_user)
            and (
                lockstep.adopted_role(staged.content, p_user.role) <> 'admin'
                or staged.content ->> 'is_active' in ('false', '0')
            )
    );
$function$;

comment on function lockstep.leaves_admin(text, lockstep.users) is
'Whether an admin here is none any more, by what the source says of them now.';

revoke all on function lockstep.leaves_admin(text, lockstep.users) from public;
