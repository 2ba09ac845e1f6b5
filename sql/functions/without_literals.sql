create or replace function lockstep.without_literals(
    p_query text,
    p_keep_numbers boolean default true
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select case when p_keep_numbers then worded.query else regexp_replace(worded.query, '(?<![$\w.])[0-9]+', '?', 'g') end
    from (
        -- The last of a query that was cut off has no end.
        select regexp_replace(
            regexp_replace(
                regexp_replace(
                    left(p_query, 1000),
                    '\$([A-Za-z_]*?)\$.*?(?:\$\1\$|$)', '''?''', 'g'
                ),
                '\me''(?:[^''\\]|\\.|'''')*(?:''|$)', '''?''', 'gi'
            ),
            '''(?:[^'']|'''')*(?:''|$)', '''?''', 'g'
        ) as query
    ) as worded;
$function$;

comment on function lockstep.without_literals(text, boolean) is
$comment$A query with '?' for each string in it, its first 1000 characters: names, addresses and passwords are not for whoever looks at waits.

p_keep_numbers: false for what is kept, as a number may say which user.$comment$;

revoke all on function lockstep.without_literals(text, boolean) from public;
grant execute on function lockstep.without_literals(text, boolean) to lockstep_coupler;
