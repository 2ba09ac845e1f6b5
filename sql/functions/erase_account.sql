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
    v_attempts bigint;
    v_credentials bigint;
    v_identities bigint;
    v_tokens bigint;
    v_sessions bigint;
    v_resets bigint;
    v_members bigint;
    v_answers bigint;
begin
    -- First: it asks for the addresses of what goes below, and of the person.
    delete from lockstep.sign_in_attempts as known
    where (known.kind = 'account' and known.name in (
        select lower(person.email) from lockstep.users as person where person.id = p_user_id
        union all
        select lower(identity.email) from lockstep.identities as identity where identity.user_id = p_user_id
    ))
    or (known.kind = 'address' and known.name in (
        select lockstep.network_of(session.address) from lockstep.sessions as session where session.user_id = p_user_id
    ));
    get diagnostics v_attempts = row_count;

    delete from lockstep.credentials as known where known.user_id = p_user_id;
    get diagnostics v_credentials = row_count;

    delete from lockstep.identities as known where known.user_id = p_user_id;
    get diagnostics v_identities = row_count;

    delete from lockstep.refresh_tokens as known where known.user_id = p_user_id;
    get diagnostics v_tokens = row_count;

    delete from lockstep.sessions as known where known.user_id = p_user_id;
    get diagnostics v_sessions = row_count;

    delete from lockstep.password_resets as known where known.user_id = p_user_id;
    get diagnostics v_resets = row_count;

    delete from lockstep.group_members as known where known.user_id = p_user_id;
    get diagnostics v_members = row_count;

    -- Answers of HTTP to others that show the person, too: of an account that was made, say.
    delete from lockstep.idempotency_keys as known
    where known.user_id = p_user_id
        or (known.function_name like 'http %' and jsonb_path_exists(
            known.answer,
            '$.** ? (@.user_id == $id || @.modified_by == $id || (@.id == $id && exists (@.email)))',
            jsonb_build_object('id', p_user_id)
        ));
    get diagnostics v_answers = row_count;

    update lockstep.users as person
    set email = format('erased-%s@erased.invalid', p_user_id),
        name = 'Erased',
        is_active = false,
        updated_at = clock_timestamp()
    where person.id = p_user_id;

    return jsonb_build_object(
        'sign_in_attempts', v_attempts,
        'credentials', v_credentials,
        'identities', v_identities,
        'refresh_tokens', v_tokens,
        'sessions', v_sessions,
        'password_resets', v_resets,
        'group_members', v_members,
        'idempotency_keys', v_answers
    );
end;
$function$;

comment on function lockstep.erase_account(bigint) is
$comment$Puts a pseudonym in the place of a person, and deletes what signed them in and where they belonged.

Returns how many rows went, by table. The caller holds the user's row.
Locks what it deletes.$comment$;

revoke all on function lockstep.erase_account(bigint) from public;
