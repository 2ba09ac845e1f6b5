"""A server that somebody names in LOCKSTEP_TEST_DSN, in the place of the run's own: `make test DSN=…`.

The DSN is a superuser's. Databases whose names begin with `suite_` are this run's, and so are Lockstep's roles,
which are the whole server's: it has no other Lockstep. It is never started or stopped, and left as it was found.
"""

import os
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from pwd import getpwuid, struct_passwd
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from app.backup import BackupError, tool
from app.postgres import HOST, SUPERUSER, Server
from app.settings import Settings
from tests.support import PREFIX, SERVER_SETTINGS, clients_left

VARIABLE = "LOCKSTEP_TEST_DSN"

OLDEST = 15

# With four workers the suite had 66 open, but for a test that tests/differences.py leaves out where that is too much.
CONNECTIONS = 80

OUR_DATABASES = f"starts_with(datname, '{PREFIX}')"
OUR_ROLES = f"rolname ~ '^({PREFIX}|lockstep_|school_reports_|maple_|academy_|adoption_reader$)'"


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
        """Do nothing: the visit ends it."""
        return False

    def is_running(self) -> bool:
        """Whether this run has begun to use it."""
        return self.home.exists()

    @cached_property
    def pgbin(self) -> Path:
        """The folder of psql, pg_dump and the like of the given server's version."""
        return tool("pg_dump", major(), self._wanted_pgbin).parent

    @cached_property
    def user(self) -> struct_passwd:
        """The user that runs it, if it is on this machine."""
        folder = data_directory()
        return getpwuid(folder.stat().st_uid) if folder else super().user

    def dsn_for(self, database: str, *, unix_socket: bool = False) -> str:
        """Return the DSN of another of its databases, always by TCP."""
        options = {name: str(value) for name, value in self.given.items() if value is not None}
        options.pop("dbname", None)
        name, password = options.pop("user", SUPERUSER), options.pop("password", "")
        login = ":".join(quote(word, safe="") for word in (name, password) if word)
        host, port = options.pop("host", HOST), options.pop("port", "5432")
        address = f"[{host}]" if ":" in host else host
        return f"postgresql://{login}@{address}:{port}/{quote(database)}" + (
            f"?{urlencode(options)}" if options else ""
        )


class Visit:
    """The time from the check of the given server to its being left as it was found.

    Two runs at a time would take each other's databases away: the second is refused, by an advisory lock.
    """

    def __init__(self) -> None:
        """Begin it. Raises pytest.UsageError, which ends the run, where the suite cannot run."""
        try:
            self._connection = psycopg.connect(given() or "", dbname="postgres", autocommit=True)
        except psycopg.Error as error:
            raise _refusal(str(error)) from None
        try:
            _check(self._connection)
            self._remove(OUR_ROLES)
            self._roles = [name for (name,) in self._rows("select rolname from pg_roles")]
            self._clients = [pid for (pid,) in self._rows("select pid from pg_stat_activity")]
        except BaseException:
            self._connection.close()
            raise

    def clients_left(self) -> list[str]:
        """Describe the clients that were not there before."""
        return clients_left(self._connection, besides=self._clients)

    def end(self) -> None:
        """Drop what the run made."""
        with self._connection:
            self._remove("rolname <> all(%s)", self._roles)
            # Or the next run would be refused until the server has seen that this one is gone.
            self._connection.execute(f"select pg_advisory_unlock(hashtext('{PREFIX}'))".encode())

    def _remove(self, roles: str, *values: object) -> None:
        """Drop the databases of a run, this one or one that was killed, and of its roles those of the condition."""
        for (name,) in self._rows(f"select datname from pg_database where {OUR_DATABASES}"):
            database = sql.Identifier(name)
            self._connection.execute(sql.SQL("alter database {} with is_template false").format(database))
            drop(self._connection, name)
        for (name,) in self._rows(f"select rolname from pg_roles where {roles}", *values):
            self._connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode(), values).fetchall()


def given() -> str | None:
    """The DSN that was given."""
    return os.environ.get(VARIABLE) or None


def drop(connection: psycopg.Connection[Any], name: str) -> None:
    """Drop a database, also one where a session begins anew when it is ended: Citus looks there what is in doubt."""
    drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
    for _ in range(9):
        with suppress(psycopg.errors.ObjectInUse):
            connection.execute(drop)
            return
    connection.execute(drop)


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
def largest() -> int:
    """How many connections the given server takes."""
    return int(ask("show max_connections")[0])


@cache
def available() -> frozenset[str]:
    """The extensions that the given server can create."""
    return frozenset(ask("select name from pg_available_extensions"))


@cache
def data_directory() -> Path | None:
    """Where the given server keeps its data, if that is on this machine and readable."""
    (folder,), (identifier,) = ask("show data_directory"), ask("select system_identifier from pg_control_system()")
    with suppress(OSError):
        begin = (Path(folder) / "global" / "pg_control").read_bytes()[:8]
        if begin == int(identifier).to_bytes(8, "little"):
            return Path(folder)
    return None


def _check(connection: psycopg.Connection[Any]) -> None:
    """Raise pytest.UsageError unless the suite can run on the server."""

    def value(query: str) -> object:
        (found,) = connection.execute(query.encode()).fetchone() or (None,)
        return found

    version = connection.info.server_version // 10_000
    if not connection.info.host or connection.info.host.startswith("/"):
        raise _refusal("it goes by a unix socket, and the tests log in by TCP: name the host")
    if not value("select rolsuper from pg_roles where rolname = current_user"):
        raise _refusal(f"{connection.info.user} is no superuser")
    if version < OLDEST:
        raise _refusal(f"it is PostgreSQL {version}, and the suite needs {OLDEST} or newer")
    if (
        encoding := value("select pg_encoding_to_char(encoding) from pg_database where datname = 'template1'")
    ) != "UTF8":
        raise _refusal(f"its databases are made in {encoding}, not UTF8")
    free = value(
        "select current_setting('max_connections')::integer - count(*)"
        " from pg_stat_activity where backend_type = 'client backend'"
    )
    if not isinstance(free, int) or free < CONNECTIONS:
        raise _refusal(f"{free} connections are free, and the suite needs {CONNECTIONS}: raise max_connections")
    if not value(f"select pg_try_advisory_lock(hashtext('{PREFIX}'))"):
        raise _refusal("another run of the suite is at work on it")
    elsewhere = value(
        "select string_agg(distinct datname, ', ') from pg_shdepend join pg_database on pg_database.oid = dbid"
        f" join pg_roles on pg_roles.oid = refobjid where not {OUR_DATABASES} and {OUR_ROLES}"
        " and refclassid = 'pg_authid'::regclass"
    )
    if elsewhere:
        raise _refusal(f"Lockstep is in use there, in {elsewhere}, and its roles are the whole server's")
    try:
        tool("pg_dump", version, Settings.from_environment().pgbin)
    except BackupError as error:
        raise _refusal(str(error)) from None


def _refusal(reason: str) -> pytest.UsageError:
    return pytest.UsageError(f"{VARIABLE}: {reason}")
