create or replace function lockstep.sweep_blobs(
    p_limit integer default 10000
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_found bytea[];
    v_swept bigint;
begin
    -- Whoever refers to a blob in an open transaction holds it: those are passed over.
    v_found := array(
        select blob.sha256
        from lockstep.blobs as blob
        where not lockstep.blob_is_used(blob.sha256)
        order by blob.sha256
        limit p_limit
        for update skip locked
    );

    -- Asked again: a statement of its own sees what was committed before the lock was there.
    v_found := array(
        select free.sha256
        from unnest(v_found) as free (sha256)
        where not lockstep.blob_is_used(free.sha256)
    );

    delete from lockstep.blobs as blob
    where blob.sha256 = any (v_found);

    get diagnostics v_swept = row_count;
    return v_swept;
end;
$function$;

comment on function lockstep.sweep_blobs(integer) is
$comment$Deletes contents that nothing refers to, at most p_limit; returns how many. None that is referred to can go:
what is being stored is passed over, and the foreign keys refuse the rest.

Raises 23001 or 23503 under REPEATABLE READ, when a reference came after its snapshot.
Locks the blobs, the lowest hash first; waits for nobody.$comment$;

revoke all on function lockstep.sweep_blobs(integer) from public;
grant execute on function lockstep.sweep_blobs(integer) to lockstep_admin;
