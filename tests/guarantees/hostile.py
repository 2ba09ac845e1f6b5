"""A server where anything may be broken: roles, settings and databases of other tests are not here."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app import curriculum
from app.migrator import Migrator
from app.postgres import Server
from app.settings import Settings
from tests.support import SERVER_SETTINGS, folder_for_servers

Connection = psycopg.Connection[Any]

TEMPLATE = "hostile_template"
SETTINGS = {
    **SERVER_SETTINGS,
    "wal_level": "logical",
    "max_prepared_transactions": "10",
    # It would tell of errors of its own in the log.
    "autovacuum": "off",
    # A subscription whose worker failed tries again after this.
    "wal_retrieve_retry_interval": "100ms",
    # So that the log says the SQLSTATE of what a subscription's worker met.
    "log_line_prefix": "%e ",
}


class Hostile:
    """The server, and clones of a template in it."""

    def __init__(self) -> None:
        # The number at the end is whose it is: the next run takes away what a killed one left.
        home = folder_for_servers() / f"lockstep-tests-{os.getuid()}-hostile-{os.getpid()}"
        self._pgbin = Settings.from_environment().pgbin
        self.server = Server(home, self._pgbin, SETTINGS)
        self._number = itertools.count(1)

    def start(self) -> None:
        """Bring the server up, with the template as an ordinary installation leaves it."""
        self.server.start()
        self.execute(f"create database {TEMPLATE}")
        install(self.server.dsn_for(TEMPLATE))
        self.execute(f"alter database {TEMPLATE} with is_template true allow_connections false")

    def remove(self) -> None:
        self.server.stop()
        shutil.rmtree(self.server.home)

    def restart(self, **settings: str) -> None:
        """Stop, and start with other settings (without any: the usual ones)."""
        self.server.stop()
        self.server = Server(self.server.home, self._pgbin, {**SETTINGS, **settings})
        self.server.start()

    @property
    def pgbin(self) -> Path:
        """The folder of pg_dump and pg_restore."""
        return self.server.pgbin

    def connect(self, database: str = "postgres", **options: Any) -> closing[Connection]:
        """A superuser's connection, in autocommit, closed at the end of its block."""
        dsn = self.server.dsn_for(database)
        return closing(psycopg.connect(dsn, **{"autocommit": True, **options}))

    def execute(self, *statements: str) -> None:
        """Run each as a superuser, in the database `postgres`."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def log_size(self) -> int:
        """How long the server's log is now."""
        return self.server.log.stat().st_size

    def refused_since(self, size: int) -> str:
        """The SQLSTATEs of the errors that the log tells of since it had this size."""
        said = self.server.log.read_bytes()[size:].decode(errors="replace")
        return " ".join(sorted({line[:5] for line in said.splitlines() if line[5:12] == " ERROR:"}))

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The name of a clone of the template, or of a database with nothing in it (template0)."""
        name = f"hostile_{next(self._number)}"
        self.execute(f"create database {name} template {template}")
        if template == TEMPLATE:
            # A clone does not inherit what `alter database … set` gave the template.
            self.execute(f"alter database {name} set search_path = lockstep, public")
        with ExitStack() as cleaning:
            cleaning.callback(self.execute, f"drop database if exists {name} with (force)")
            yield name

    @contextmanager
    def installed_without_superuser(self) -> Iterator[str]:
        """The name of a database that a role which may only make roles and databases set up."""
        roles = "lockstep_owner, lockstep_coupler"
        with self.database("template0") as name, ExitStack() as cleaning:
            cleaning.callback(self.execute, "drop role if exists installer")
            cleaning.callback(self.execute, f"drop database {name} with (force)")
            self.execute(
                "create role installer login createrole createdb password 'installer'",
                f"grant {roles} to installer with admin option",
                f"alter database {name} owner to installer",
            )
            dsn = psycopg.conninfo.make_conninfo(self.server.dsn_for(name), user="installer", password="installer")
            install(dsn)
            yield name


def install(dsn: str) -> None:
    """Migrations, functions, curriculum, and what the sentinel compares with."""
    migrator = Migrator(dsn)
    migrator.migrate()
    migrator.load()
    curriculum.load(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("select lockstep.record_guards(lockstep.broken_guards())")


def named(connection: Connection) -> dict[tuple[str, str], str]:
    """What guard_status does not find intact: (kind, name) to altered, missing or unexpected."""
    found = connection.execute("select kind, name, status from lockstep.guard_status where status <> 'intact'")
    return {(kind, name): status for kind, name, status in found}


def kinds_named(connection: Connection) -> tuple[str, ...]:
    """The same in short: each kind and status."""
    return tuple(sorted({f"{kind} {status}" for (kind, _), status in named(connection).items()}))


def run(connection: Connection, *statements: str) -> None:
    """Run each statement."""
    for statement in statements:
        connection.execute(statement.encode())
