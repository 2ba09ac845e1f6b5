create or replace function lockstep.adopted_figures(
    p_content jsonb,
    p_names text[]
)
returns numeric[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select case
            when p_content ->> name.value ~ '^-?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,2})?$'
                then (p_content ->> name.value)::numeric
        end
        from unnest(p_names) with ordinality as name (value, place)
        order by name.place
    );
$function$;

comment on function lockstep.adopted_figures(jsonb, text[]) is
'Figures of a row of a source, by the names of their columns; null where it is none: text, NaN or nothing.';

revoke all on function lockstep.adopted_figures(jsonb, text[]) from public;
grant execute on function lockstep.adopted_figures(jsonb, text[]) to lockstep_coupler;
