"""Two schools in one database: `lockstep` and `maple`, a clone a test."""

import fcntl
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from click.testing import Result
from psycopg import sql

from app import create_app, curriculum, db
from app.migrator import Migrator
from app.postgres import Server
from app.settings import Settings
from tests import cluster
from tests.conftest import TEMPLATE
from tests.http.conftest import unhurried
from tests.support import clients_left

__all__ = ["unhurried"]

BOTH = f"{TEMPLATE}_of_schools"
SCHOOLS = ("lockstep", "maple")

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def template(server: Server, admin: psycopg.Connection[Any], template: str) -> str:
    """The template of this folder's clones: that of the run, with a second school beside the first."""
    with (server.home / "schools.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = admin.execute("select from pg_database where datname = %s and datistemplate", [BOTH])
        if done.rowcount == 0:
            admin.execute(f"drop database if exists {BOTH} with (force)".encode())
            admin.execute(f"create database {BOTH} template {template} strategy file_copy".encode())
            admin.execute(f"alter database {BOTH} set search_path = lockstep, public".encode())
            cluster.settle(admin, BOTH, template)
            migrator = Migrator(server.dsn_for(BOTH), schema="maple")
            migrator.migrate()
            migrator.load()
            curriculum.load(migrator.dsn, schema="maple")
            assert not clients_left(admin, BOTH)
            admin.execute(f"alter database {BOTH} with is_template true allow_connections false".encode())
            if cluster.variant():
                cluster.leave(admin, BOTH)
    return BOTH


@pytest.fixture
def maple(database: str) -> Iterator[db.Connection]:
    """A superuser's connection to the second school: what it runs is written for `lockstep`."""
    with db.connect(database, "maple") as connection:
        yield connection


@pytest.fixture
def elsewhere(server: Server, admin: psycopg.Connection[Any], database: str) -> Iterator[str]:
    """The DSN of an empty database beside the clone."""
    name = sql.Identifier(f"{psycopg.conninfo.conninfo_to_dict(database)['dbname']}_elsewhere")
    admin.execute(sql.SQL("create database {}").format(name))
    yield server.dsn_for(name.as_string().strip('"'))
    admin.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def roles_alone(server: Server) -> Iterator[None]:
    """For who makes roles of a school or drops them: they are the cluster's, and other workers' tests have them too."""
    with (server.home / "roles-of-schools.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def run(database: str) -> Run:
    """Run `flask …` on the clone, for a school; the result has the exit code and what was printed."""

    def run(*arguments: str, school: str = "lockstep", typed: str | None = None) -> Result:
        runner = create_app(Settings(dsn=database, schema=school)).test_cli_runner()
        result: Result = runner.invoke(args=list(arguments), input=typed)
        return result

    return run
