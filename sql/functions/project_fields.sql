create or replace function lockstep.project_fields(
    p_title text,
    p_description text,
    p_file_sha256 bytea,
    p_file_name text,
    p_deleted_at timestamptz
)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select jsonb_build_object(
        'title', p_title,
        'description', p_description,
        'file', jsonb_build_array(encode(p_file_sha256, 'hex'), p_file_name),
        'deleted', p_deleted_at is not null
    );
$function$;

comment on function lockstep.project_fields(text, text, bytea, text, timestamptz) is
$comment$The fields of a project that people change, as one value to compare: a file is its content and its name.$comment$;

revoke all on function lockstep.project_fields(text, text, bytea, text, timestamptz) from public;
grant execute on function lockstep.project_fields(text, text, bytea, text, timestamptz) to lockstep_coupler;
