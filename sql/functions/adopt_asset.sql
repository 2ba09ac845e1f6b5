create or replace function lockstep.adopt_asset(
    p_run_id bigint,
    p_source_id text,
    p_content bytea,
    p_type text,
    p_format text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_staged lockstep.adoption_staging := lockstep.staged_file('assets', p_source_id, p_content);
begin
    perform lockstep.store_blob(sha256(p_content), p_content, 'asset_limit');

    insert into lockstep.assets (id, sha256, type, format, created_by, created_at)
    select
        md5(p_content),
        sha256(p_content),
        p_type,
        p_format,
        v_staged.user_id,
        coalesce((lockstep.adopted_times(v_staged.content, array['created_at'], run.timezone))[1], clock_timestamp())
    from lockstep.adoption_runs as run
    where run.id = p_run_id
    on conflict do nothing;

    if not exists (
        select from lockstep.assets as asset
        where asset.id = md5(p_content)
            and asset.sha256 = sha256(p_content)
    ) then
        raise exception using
            errcode = 'LS056',
            message = 'another content has this asset id',
            detail = format('asset_id=%s', md5(p_content)),
            hint = 'Two contents with one MD5 are made on purpose: this one cannot be stored.';
    end if;

    update lockstep.adoption_staging as staged
    set target_id = md5(p_content)
    where staged.table_name = 'assets'
        and staged.source_id = p_source_id;

    perform lockstep.record_adopted(p_run_id, array['assets'], p_source_ids => array[p_source_id]);
end;
$function$;

comment on function lockstep.adopt_asset(bigint, text, bytea, text, text) is
$comment$Brings a planned asset over, with its content; one that is here already stays.

Raises LS055 too large, LS056 another content has this MD5, LS096 not what was planned. Locks the blob.$comment$;

revoke all on function lockstep.adopt_asset(bigint, text, bytea, text, text) from public;
