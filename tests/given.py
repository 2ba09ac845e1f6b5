"""A server that somebody names in LOCKSTEP_TEST_DSN, in the place of the run's own: `make test DSN=…`.

The DSN is a superuser's. Its databases whose names begin with `test_`, `empty_`, `old_` and `lockstep_template`, and
its roles whose names say so, are this run's; it is never started or stopped. What it has to have is looked at
before the first test.
"""

import os
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.backup import BackupError, tool
from app.postgres import HOST, Server
from app.settings import Settings
from tests.support import SERVER_SETTINGS

VARIABLE = "LOCKSTEP_TEST_DSN"

OLDEST = 15


class GivenServer(Server):
    """A server that is there already; its folder is for what processes of the run tell each other."""

    def __init__(self, home: Path, pgbin: Path | None, dsn: str) -> None:
        super().__init__(home, pgbin, SERVER_SETTINGS)
        self.given = conninfo_to_dict(dsn)

    def start(self) -> str:
        """Do nothing but make the folder."""
        self.home.mkdir(parents=True, exist_ok=True)
        return self.dsn

    def stop(self) -> bool:
        """Take this run's databases away."""
        with psycopg.connect(self.dsn_for("postgres"), autocommit=True) as connection:
            ours = "datname like 'lockstep\\_template%' or datname like 'test\\_%' or datname like 'empty\\_%'"
            for (name,) in connection.execute(f"select datname from pg_database where {ours}".encode()).fetchall():
                connection.execute(f'alter database "{name}" with is_template false'.encode())
                connection.execute(f'drop database "{name}" with (force)'.encode())
        return False

    def is_running(self) -> bool:
        """Whether this run has begun to use it."""
        return self.home.exists()

    @cached_property
    def pgbin(self) -> Path:
        """The folder of psql, pg_dump and the like of the given server's version."""
        return tool("pg_dump", major(), self._wanted_pgbin).parent

    def dsn_for(self, database: str, *, unix_socket: bool = False) -> str:
        """Return the DSN of another of its databases, always by TCP."""
        name, password = self.given.get("user", "postgres"), self.given.get("password", "")
        login = f"{quote(str(name))}:{quote(str(password))}" if password else quote(str(name))
        host, port = self.given.get("host", HOST), self.given.get("port", 5432)
        return f"postgresql://{login}@{host}:{port}/{quote(database)}"


def given() -> str | None:
    """The DSN that was given."""
    return os.environ.get(VARIABLE) or None


def ask(query: str) -> list[str]:
    """What the given server says, a value a row."""
    with psycopg.connect(given() or "", dbname="postgres") as connection:
        return [str(row[0]) for row in connection.execute(query.encode())]


@cache
def major() -> int:
    """The major version of the given server."""
    return int(ask("show server_version_num")[0]) // 10_000


@cache
def preloaded() -> frozenset[str]:
    """The libraries that the given server loads at its start: its shared_preload_libraries."""
    (libraries,) = ask("show shared_preload_libraries")
    return frozenset(name.strip(' "') for name in libraries.split(","))


@cache
def available() -> frozenset[str]:
    """The extensions that the given server can create."""
    return frozenset(ask("select name from pg_available_extensions"))


def check_given() -> None:
    """Raise pytest.UsageError, which ends the run, for a given server that the suite cannot run on."""
    try:
        (superuser,) = ask("select rolsuper from pg_roles where rolname = current_user")
    except (psycopg.Error, ValueError) as error:
        raise pytest.UsageError(f"{VARIABLE}: {error}") from None
    if superuser != "True":
        raise pytest.UsageError(f"{VARIABLE}: its role is no superuser")
    if major() < OLDEST:
        raise pytest.UsageError(f"{VARIABLE}: PostgreSQL {major()}; the suite needs {OLDEST} or newer")
    try:
        tool("pg_dump", major(), Settings.from_environment().pgbin)
    except BackupError as error:
        raise pytest.UsageError(f"{VARIABLE}: {error}") from None
