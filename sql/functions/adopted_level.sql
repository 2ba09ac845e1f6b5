create or replace function lockstep.adopted_level(
    p_specialization_id text,
    p_content jsonb
)
returns lockstep.specialization_levels
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- A column that the source does not have stays as the row here has it.
    select
        p_specialization_id,
        read.level,
        named.name,
        case
            when p_content ? 'name_en' then nullif(btrim(p_content ->> 'name_en'), '')
            when named.name = here.name then here.name_en
        end,
        case when p_content ? 'color' then p_content ->> 'color' else here.color end,
        case
            when read.figures[1] between 0 and 9223372036854775807
                and read.figures[1] = trunc(read.figures[1])
                and coalesce(read.figures[2], 0) between 0 and 2147483647
                and coalesce(read.figures[2], 0) = trunc(coalesce(read.figures[2], 0))
                and coalesce(read.figures[3], 0) between 0 and 999999.99
                and coalesce(read.figures[4], 0) between 0 and 999999.99
                and coalesce(read.figures[5], 0) between 0 and 999999.99
                -- What is there is a figure.
                and num_nonnulls(
                    p_content ->> 'required_sessions', p_content ->> 'theory_hours', p_content ->> 'practice_hours',
                    p_content ->> 'total_hours'
                ) = num_nonnulls(read.figures[2], read.figures[3], read.figures[4], read.figures[5])
                then read.figures[1]::bigint
        end,
        case
            when not p_content ? 'required_sessions' then coalesce(here.required_sessions, 0)
            when coalesce(read.figures[2], 0) between 0 and 2147483647 then coalesce(read.figures[2], 0)::integer
        end,
        case
            when not p_content ? 'theory_hours' then here.theory_hours
            when read.figures[3] between 0 and 999999.99 then read.figures[3]::numeric(8, 2)
        end,
        case
            when not p_content ? 'practice_hours' then here.practice_hours
            when read.figures[4] between 0 and 999999.99 then read.figures[4]::numeric(8, 2)
        end,
        case
            when not p_content ? 'total_hours' then here.total_hours
            when read.figures[5] between 0 and 999999.99 then read.figures[5]::numeric(8, 2)
        end
    from (
        select
            case
                when coalesce(p_content ->> 'level', p_content ->> 'id') ~ '^[1-9]\d{0,3}$'
                    then coalesce(p_content ->> 'level', p_content ->> 'id')::integer
            end as level,
            lockstep.adopted_figures(
                p_content, array['required_xp', 'required_sessions', 'theory_hours', 'practice_hours', 'total_hours']
            ) as figures
        offset 0
    ) as read
    left outer join lockstep.specialization_levels as here
        on here.specialization_id = p_specialization_id
        and here.level = read.level
    cross join lateral (
        select coalesce(
            nullif(btrim(p_content ->> 'name'), ''), nullif(btrim(p_content ->> 'name_en'), ''), here.name,
            format('Level %s', read.level)
        ) as name
    ) as named;
$function$;

comment on function lockstep.adopted_level(text, jsonb) is
$comment$A row of a level table of a source as it is to stand here: no level where it has no number, no required_xp where a
figure is missing, negative or none. The same rules as a take-over in place has.$comment$;

revoke all on function lockstep.adopted_level(text, jsonb) from public;
grant execute on function lockstep.adopted_level(text, jsonb) to lockstep_coupler;
