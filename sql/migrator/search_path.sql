-- The database, whether we may set its search_path, and what that is set to.
select
    db.datname,
    pg_has_role(db.datdba, 'usage'),
    (
        select setting
        from pg_catalog.pg_db_role_setting as stored
        cross join lateral unnest(stored.setconfig) as setting
        where stored.setdatabase = db.oid and stored.setrole = 0 and setting like 'search_path=%'
    )
from pg_catalog.pg_database as db
where db.datname = current_database();
