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
            when p_content ->> name.value !~ (
                '^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
                || '([T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([+-][01]\d(:?[0-5]\d)?|Z)?)?$'
            ) then null
            when p_content ->> name.value ~ '[T ].*([+-]\d\d(:?\d\d)?|Z)$' then (p_content ->> name.value)::timestamptz
            else (p_content ->> name.value)::timestamp at time zone p_timezone
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
