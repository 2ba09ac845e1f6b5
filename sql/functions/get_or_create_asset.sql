create or replace function lockstep.get_or_create_asset(
    p_actor_id bigint,
    p_content bytea,
    p_type text,
    p_format text
)
returns lockstep.asset_state
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_sha256 bytea := sha256(p_content);
    v_asset lockstep.assets;
    v_created boolean;
begin
    perform lockstep.check_user(p_actor_id);
    perform lockstep.store_blob(v_sha256, p_content, 'asset_limit');

    insert into lockstep.assets (id, sha256, type, format, created_by)
    values (md5(p_content), v_sha256, p_type, p_format, p_actor_id)
    on conflict do nothing;

    v_created := found;

    select asset.*
    into v_asset
    from lockstep.assets as asset
    where asset.id = md5(p_content);

    if v_asset.sha256 <> v_sha256 then
        raise exception using
            errcode = 'LS056',
            message = 'another content has this asset id',
            detail = format(
                'asset_id=%s sha256=%s stored=%s', v_asset.id, encode(v_sha256, 'hex'), encode(v_asset.sha256, 'hex')
            ),
            hint = 'Two contents with one MD5 are made on purpose: this one cannot be stored.';
    end if;

    return row(
        v_asset.id, v_asset.type, v_asset.format, length(p_content)::bigint, encode(v_sha256, 'hex'), v_asset.created_at,
        v_created
    );
end;
$function$;

comment on function lockstep.get_or_create_asset(bigint, bytea, text, text) is
$comment$The asset of this content, which is made if there is none: one row, however many upload it at once.

Raises LS001 no such actor, LS055 too large, LS056 another content has this MD5; 23502 or 23514 no content, or a
type or format that is no plain word.
Waits for another who stores the same. Locks the blob.$comment$;

revoke all on function lockstep.get_or_create_asset(bigint, bytea, text, text) from public;
grant execute on function lockstep.get_or_create_asset(bigint, bytea, text, text) to lockstep_app, lockstep_admin;
