create or replace function lockstep.adopted_times(
    p_content jsonb,
    p_names text[],
    p_timezone text
)
returns timestamptz[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select case
            when p_content ->> name.value ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:?\d\d)?|Z)$'
                then (p_content ->> name.value)::timestamptz
            when p_content ->> name.value ~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d+)?)?$'
                then (p_content ->> name.value)::timestamp at time zone p_timezone
        end
        from unnest(p_names) with ordinality as name (value, place)
        order by name.place
    );
$function$;

comment on function lockstep.adopted_times(jsonb, text[], text) is
$comment$Moments of a row of a source, by the names of their columns, read in this zone where they name none; null where it
is no moment.$comment$;

revoke all on function lockstep.adopted_times(jsonb, text[], text) from public;
grant execute on function lockstep.adopted_times(jsonb, text[], text) to lockstep_coupler;
