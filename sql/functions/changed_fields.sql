create or replace function lockstep.changed_fields(
    p_before jsonb,
    p_after jsonb
)
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select coalesce(array_agg(field.name order by field.name), '{}')
    from jsonb_each(p_after) as field (name, content)
    where p_before -> field.name is distinct from field.content;
$function$;

comment on function lockstep.changed_fields(jsonb, jsonb) is
'The names of the fields of the second that differ from the first, by name.';

revoke all on function lockstep.changed_fields(jsonb, jsonb) from public;
grant execute on function lockstep.changed_fields(jsonb, jsonb) to lockstep_coupler;
