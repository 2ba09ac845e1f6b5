create or replace function lockstep.export_account(
    p_user_id bigint
)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Never what signs somebody in: no hash of a password, none of a token.
    select jsonb_object_agg(section.name, section.found)
    from (
        select 'users', jsonb_agg(to_jsonb(person))
        from lockstep.users as person
        where person.id = p_user_id
        union all
        select 'credentials', jsonb_agg(to_jsonb(credential) - 'password_hash')
        from lockstep.credentials as credential
        where credential.user_id = p_user_id
        union all
        select 'identities', jsonb_agg(to_jsonb(identity) order by identity.created_at)
        from lockstep.identities as identity
        where identity.user_id = p_user_id
        union all
        select 'sessions', jsonb_agg(to_jsonb(session) order by session.created_at)
        from lockstep.sessions as session
        where session.user_id = p_user_id
        union all
        select 'refresh_tokens', jsonb_agg(to_jsonb(token) - 'token_hash' order by token.issued_at)
        from lockstep.refresh_tokens as token
        where token.user_id = p_user_id
        union all
        select 'password_resets', jsonb_agg(to_jsonb(reset) - 'token_hash' order by reset.created_at)
        from lockstep.password_resets as reset
        where reset.user_id = p_user_id
            or reset.requested_by = p_user_id
        union all
        select 'sign_in_attempts', jsonb_agg(to_jsonb(attempt))
        from lockstep.users as person
        inner join lockstep.sign_in_attempts as attempt
            on attempt.kind = 'account'
            and attempt.name = lower(person.email)
        where person.id = p_user_id
        union all
        select 'group_members', jsonb_agg(to_jsonb(member) || jsonb_build_object('name', known.name) order by known.name)
        from lockstep.group_members as member
        inner join lockstep.groups as known on known.id = member.group_id
        where member.user_id = p_user_id
        union all
        select 'erasures', jsonb_agg(to_jsonb(erasure) order by erasure.erased_at)
        from lockstep.erasures as erasure
        where erasure.user_id = p_user_id
            or erasure.erased_by = p_user_id
    ) as section (name, found);
$function$;

comment on function lockstep.export_account(bigint) is
'What is held about a person as somebody with an account: rows by table, null where there are none.';

revoke all on function lockstep.export_account(bigint) from public;
