create or replace function lockstep.read_asset(
    p_actor_id bigint,
    p_asset_id text,
    p_known_sha256 text default null
)
returns lockstep.asset_file
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_file lockstep.asset_file;
begin
    perform lockstep.check_user(p_actor_id);

    select
        asset.id,
        asset.type,
        asset.format,
        length(blob.content)::bigint,
        encode(blob.sha256, 'hex'),
        case when encode(blob.sha256, 'hex') is distinct from p_known_sha256 then blob.content end
    into v_file
    from lockstep.assets as asset
    inner join lockstep.blobs as blob on blob.sha256 = asset.sha256
    where asset.id = p_asset_id;

    if not found then
        raise exception using
            errcode = 'LS060',
            message = 'asset not found',
            detail = format('asset_id=%s', coalesce(p_asset_id, 'null')),
            hint = 'The id is the MD5 of the content: upload it first.';
    end if;

    return v_file;
end;
$function$;

comment on function lockstep.read_asset(bigint, text, text) is
$comment$An asset and its bytes, for everybody who is signed in: who knows its id has seen a project that names it.

p_known_sha256: what the caller has already, in hexadecimal; if it is that, the bytes are left out.
Raises LS001 no such actor, LS060 no such asset.$comment$;

revoke all on function lockstep.read_asset(bigint, text, text) from public;
grant execute on function lockstep.read_asset(bigint, text, text) to lockstep_app, lockstep_admin;
