"""Jobs in pg_cron: reconcile every six hours, check health every five minutes, drain the queue every minute.

pg_cron lives in one database of a server (cron.database_name) and runs jobs in any: the jobs are
installed from there, named after the school and the database they are for, so installing twice changes nothing.
"""

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import db
from app.schema import DEFAULT, rename

# Name, schedule, statement. pg_cron 1.4 knows minutes at the finest.
JOBS = (
    ("lockstep reconcile", "0 */6 * * *", "call lockstep.reconcile()"),
    ("lockstep health", "*/5 * * * *", "call lockstep.watch()"),
    ("lockstep queue", "* * * * *", "call lockstep.drain_queue()"),
)


class NoCronError(Exception):
    """The server has no pg_cron: run `make reconcile`, `make health` and `make drain` from cron or a systemd timer."""


def install(dsn: str, schema: str = DEFAULT) -> list[str]:
    """Schedule the jobs; return a line a job. Raises NoCronError."""
    database = _database(dsn)
    with db.connect(_cron_dsn(dsn)) as connection:
        connection.execute("create extension if not exists pg_cron")
        for name, when, statement in jobs(schema):
            connection.execute(
                "select cron.schedule_in_database(%s, %s, %s, %s)",
                [f"{name} ({database})", when, statement, database],
            )
    return [f"{when:<12} {name} ({database})" for name, when, _ in jobs(schema)]


def remove(dsn: str, schema: str = DEFAULT) -> list[str]:
    """Take the jobs of a school of this database out; return a line for each that was there. Raises NoCronError."""
    database = _database(dsn)
    with db.connect(_cron_dsn(dsn)) as connection:
        if connection.execute("select to_regclass('cron.job')").fetchone() == (None,):
            return []
        rows = connection.execute(
            "select jobname, cron.unschedule(jobid) from cron.job where database = %s and jobname = any(%s)",
            [database, [f"{name} ({database})" for name, _, _ in jobs(schema)]],
        ).fetchall()
    return [f"removed: {name}" for name, _ in rows]


def jobs(schema: str) -> list[tuple[str, str, str]]:
    """The jobs of a school: name, schedule, statement."""
    return [(rename(name, schema), when, rename(statement, schema)) for name, when, statement in JOBS]


def _database(dsn: str) -> str:
    with db.connect(dsn) as connection:
        (name,) = connection.execute(sql.SQL("select current_database()")).fetchone() or ("",)
    return str(name)


def _cron_dsn(dsn: str) -> str:
    """The database of the same server that pg_cron lives in."""
    with db.connect(dsn) as connection:
        row = connection.execute("select current_setting('cron.database_name', true)").fetchone()
    if row is None or row[0] is None:
        raise NoCronError(NoCronError.__doc__)
    return make_conninfo("", **{**conninfo_to_dict(dsn), "dbname": row[0]})
