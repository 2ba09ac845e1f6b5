create or replace function lockstep.write_adopted_users(
    p_source_ids text[]
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.end_sessions(person.id, 'deactivated')
    from lockstep.adoption_staging as staged
    inner join lockstep.users as person on person.id = staged.user_id
    where staged.table_name = 'users'
        and staged.source_id = any(p_source_ids)
        and staged.state = 'changed'
        and staged.outcome in ('imported', 'repaired')
        and person.is_active
        and staged.content ->> 'is_active' in ('false', '0');

    update lockstep.users as person
    set name = coalesce(staged.content ->> 'name', staged.content ->> 'display_name', staged.content ->> 'username', ''),
        -- Another address is adopt_moves()' to write; the same one may be in another case.
        email = case
            when lower(person.email) = lower(btrim(staged.content ->> 'email')) then btrim(staged.content ->> 'email')
            else person.email
        end,
        role = lockstep.adopted_role(staged.content, person.role),
        is_active = coalesce(staged.content ->> 'is_active', 'true') not in ('false', '0'),
        updated_at = clock_timestamp()
    from lockstep.adoption_staging as staged
    where staged.table_name = 'users'
        and staged.source_id = any(p_source_ids)
        and staged.state = 'changed'
        and staged.outcome in ('imported', 'repaired')
        and person.id = staged.user_id;
end;
$function$;

comment on function lockstep.write_adopted_users(text[]) is
$comment$Writes name, role and activity of staged users who were adopted before and have changed in the source; the sessions of
who is deactivated end. The caller holds the locks.$comment$;

revoke all on function lockstep.write_adopted_users(text[]) from public;
