"""A server and a database of a run's own, and what has to hold in it whatever happened."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app import curriculum
from app.migrator import Migrator
from app.postgres import DATABASE, Server
from app.settings import Settings

Connection = psycopg.Connection[Any]

# Rows of history that do not begin where the one before them ended; pairs that are at another
# level than their last row; pairs above level 1 without any. By id: the clock may jump.
BROKEN_CHAINS = """
with chained as (
    select
        progression.user_id,
        progression.user_license_id,
        coalesce(progression.from_level, 1) as from_level,
        progression.to_level,
        lag(progression.to_level, 1, 1) over chain as level_before,
        lead(progression.id) over chain is null as is_last
    from lockstep.license_progressions as progression
    where progression.route <> 'client'
    window chain as (partition by progression.user_id, progression.user_license_id order by progression.id)
)

select
    (select count(*) from chained where chained.from_level <> chained.level_before)
    + (
        select count(*)
        from lockstep.user_licenses as license
        left join chained
            on chained.user_id = license.user_id
            and chained.user_license_id = license.id
            and chained.is_last
        where license.current_level <> coalesce(chained.to_level, 1)
    )
"""


@contextmanager
def scratch_server(folder: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """A server of our launcher in a new folder, which goes when the run ends."""
    home = Path(tempfile.mkdtemp(prefix="lockstep-torture-", dir=folder))
    home.chmod(0o755)
    server = Server(home, Settings.from_environment().pgbin, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.home)


def build(server: Server, users: int) -> str:
    """Migrate the database `lockstep`, load functions and curriculum, add users 1 to n; return its DSN."""
    dsn = server.dsn_for(DATABASE)
    migrator = Migrator(dsn)
    migrator.migrate()
    migrator.load()
    curriculum.load(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        add_users(connection, users)
        connection.execute("select lockstep.record_guards(lockstep.broken_guards())")
    return dsn


def add_users(connection: Connection, users: int) -> None:
    """Add users 1 to n, unless they are there."""
    connection.execute(
        "insert into lockstep.users (id, email, name)"
        " select n, format('student%%s@example.org', n), format('Student %%s', n)"
        " from generate_series(1, %s) as n on conflict do nothing",
        [users],
    )


def number(connection: Connection, query: str, *values: object) -> int:
    """The only value of the only row, a number."""
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return int(row[0])


def desynced(connection: Connection) -> int:
    """How many pairs are out of step."""
    return number(connection, "select count(*) from lockstep.desync")


def broken_chains(connection: Connection) -> int:
    """How many places there are where the history does not lead from level 1 to the level held now."""
    return number(connection, BROKEN_CHAINS)


def broken_guards(connection: Connection) -> list[str]:
    """The guards that are not as installed, as the sentinel names them."""
    rows = connection.execute("select kind, name, status from lockstep.guard_status where status <> 'intact'")
    return [" ".join(row) for row in rows]


def deadlocks(connection: Connection) -> int:
    """How many deadlocks the server has counted in this database; once its clients are gone, all of them."""
    query = "select deadlocks from pg_stat_database where datname = current_database()"
    return number(connection, query)


def amcheck(server: Server, dsn: str) -> str:
    """Check every heap and index of the database; return what pg_amcheck found, or nothing."""
    answer = subprocess.run(
        [server.pgbin / "pg_amcheck", "--install-missing", "--heapallindexed", "--parent-check", dsn],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
        text=True,
    )
    return answer.stdout if answer.returncode or answer.stdout.strip() else ""
