-- What pg_stat_statements has seen clients say, if it is there and on the path.
select format('statement, %s calls', seen.calls), 'says public.: ' || left(regexp_replace(seen.query, '\s+', ' ', 'g'), 200)
from pg_stat_statements as seen
where seen.dbid = (select db.oid from pg_catalog.pg_database as db where db.datname = current_database())
    -- Not what a take-over itself has said, in a dry run before.
    and seen.query ~* '^\s*(with|select|insert|update|delete|merge|copy)\M'
    and seen.query !~ 'desk_'
    and seen.query ~* (
        '\mpublic\s*\.\s*"?(users|specializations|specialization_progress|user_licenses|license_progressions'
        || '|player_levels|coach_levels|internship_levels)\M'
    )
order by seen.calls desc
limit 100;
