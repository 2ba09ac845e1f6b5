create or replace function lockstep.adopted_role(
    p_content jsonb,
    p_default text
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select case
        when lower(btrim(p_content ->> 'role')) in ('student', 'instructor', 'admin') then lower(btrim(p_content ->> 'role'))
        when p_content ->> 'role' is null then p_default
        else 'student'
    end;
$function$;

comment on function lockstep.adopted_role(jsonb, text) is
'The role of a user of a source: a student where nobody knows the word, the default where there is none.';

revoke all on function lockstep.adopted_role(jsonb, text) from public;
grant execute on function lockstep.adopted_role(jsonb, text) to lockstep_coupler;
