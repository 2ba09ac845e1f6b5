create or replace function lockstep.store_blob(
    p_sha256 bytea,
    p_content bytea,
    p_limit text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if length(p_content) > lockstep.setting(p_limit)::bigint then
        raise exception using
            errcode = 'LS055',
            message = 'the content is too large',
            detail = format('%s bytes, at most %s', length(p_content), lockstep.setting(p_limit)),
            hint = 'The limits are settings: project_file_limit and asset_limit.';
    end if;

    -- Once is enough, unless a sweep takes the blob between the two statements.
    for v_attempt in 1..3 loop
        insert into lockstep.blobs (sha256, content)
        values (p_sha256, p_content)
        on conflict do nothing;

        -- Shared, for many may refer to one content at once; a sweep that has it goes first.
        perform
        from lockstep.blobs as blob
        where blob.sha256 = p_sha256
        for key share;

        if found then
            return;
        end if;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the content vanished while it was being stored',
        detail = format('sha256=%s', encode(p_sha256, 'hex')),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$function$;

comment on function lockstep.store_blob(bytea, bytea, text) is
$comment$Stores a content, unless it is there, and holds it for the rest of the transaction. p_limit: a setting, in bytes.

Raises LS055 too large, 23514 when p_sha256 is not that of the content, 40001 (retry) when sweeps take it again
and again. Waits for another who stores the same. Locks the blob: after the project's row; of several the
lowest hash first.$comment$;

revoke all on function lockstep.store_blob(bytea, bytea, text) from public;
