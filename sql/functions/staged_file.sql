create or replace function lockstep.staged_file(
    p_table_name text,
    p_source_id text,
    p_content bytea
)
returns lockstep.adoption_staging
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_staged lockstep.adoption_staging;
begin
    select staged.*
    into v_staged
    from lockstep.adoption_staging as staged
    where staged.table_name = p_table_name
        and staged.source_id = p_source_id
        and staged.outcome in ('imported', 'repaired')
        and not staged.done;

    if v_staged.file_sha256 is distinct from encode(sha256(p_content), 'hex') then
        raise exception using
            errcode = 'LS096',
            message = 'a file is not the one that was planned',
            detail = format('%s %s', p_table_name, p_source_id),
            hint = 'Adopt again: it is read anew.';
    end if;

    return v_staged;
end;
$function$;

comment on function lockstep.staged_file(text, text, bytea) is
$comment$The staged row of a project or an asset whose file comes over now.

Raises LS096 when the content is not the one that was planned, or nothing is planned.$comment$;

revoke all on function lockstep.staged_file(text, text, bytea) from public;
