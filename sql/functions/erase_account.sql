create or replace function lockstep.erase_account(
    p_user_id bigint
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_counts jsonb;
begin
    -- All of it sees the rows as they were, the addresses of sessions and of the person included.
    with attempt as (
        delete from lockstep.sign_in_attempts as known
        where (known.kind = 'account' and known.name in (
            select lower(person.email) from lockstep.users as person where person.id = p_user_id
            union all
            select lower(identity.email) from lockstep.identities as identity where identity.user_id = p_user_id
        ))
        or (known.kind = 'address' and known.name in (
            select lockstep.network_of(session.address) from lockstep.sessions as session where session.user_id = p_user_id
        ))
        returning true
    ),

    credential as (delete from lockstep.credentials as known where known.user_id = p_user_id returning true),

    identity as (delete from lockstep.identities as known where known.user_id = p_user_id returning true),

    token as (delete from lockstep.refresh_tokens as known where known.user_id = p_user_id returning true),

    session as (delete from lockstep.sessions as known where known.user_id = p_user_id returning true),

    reset as (delete from lockstep.password_resets as known where known.user_id = p_user_id returning true),

    member as (delete from lockstep.group_members as known where known.user_id = p_user_id returning true),

    -- Answers of HTTP to others that show the person, too: of an account that was made, say.
    answer as (
        delete from lockstep.idempotency_keys as known
        where known.user_id = p_user_id
            or (known.function_name like 'http %' and jsonb_path_exists(
                known.answer,
                '$.** ? (@.user_id == $id || @.modified_by == $id || (@.id == $id && exists (@.email)))',
                jsonb_build_object('id', p_user_id)
            ))
        returning true
    )

    select jsonb_build_object(
        'sign_in_attempts', (select count(*) from attempt),
        'credentials', (select count(*) from credential),
        'identities', (select count(*) from identity),
        'refresh_tokens', (select count(*) from token),
        'sessions', (select count(*) from session),
        'password_resets', (select count(*) from reset),
        'group_members', (select count(*) from member),
        'idempotency_keys', (select count(*) from answer)
    )
    into v_counts;

    update lockstep.users as person
    set email = format('erased-%s@erased.invalid', person.id),
        name = 'Erased',
        is_active = false,
        updated_at = clock_timestamp()
    where person.id = p_user_id;

    return v_counts;
end;
$function$;

comment on function lockstep.erase_account(bigint) is
$comment$Puts a pseudonym in the place of a person, and deletes what signed them in and where they belonged.

Returns how many rows went, by table. The caller holds the user's row.
Locks what it deletes.$comment$;

revoke all on function lockstep.erase_account(bigint) from public;
