"""One server a run, one template database, one clone a test.

The server is the embedded one (or LOCKSTEP_PGBIN's), made for this run and never LOCKSTEP_DSN's; but where
LOCKSTEP_TEST_DSN names one, it is that. Tests that kill or reconfigure a server make one of their own in any case.
The first worker that needs it starts it, the first that needs the template builds it, and the
process that the run began in takes all of it away. With CI set, a skipped test is a failed one.
What a server cannot run is left out, and named at the end: tests/differences.py.
"""

import fcntl
import itertools
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pytest_postgresql import factories

from app import postgres
from app.postgres import Server, wheel_pgbin
from app.settings import Settings
from tests import cluster
from tests.differences import applying
from tests.given import GivenServer, Visit, available, drop, given
from tests.given import major as major_of_given
from tests.support import DEADLINE, PREFIX, SERVER_SETTINGS, clients_left, folder_for_servers

TEMPLATE = f"{PREFIX}template"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
HOME = "LOCKSTEP_TEST_HOME"

# Tests of all workers meet on this server, so it has room for all of them at once; and nothing of its own
# analyzes a table, or locks its end, in the middle of one.
SHARED_SETTINGS = {
    **SERVER_SETTINGS,
    "max_connections": "800",
    "autovacuum": "off",
    # Each test's database has statements of its own: with room for 5000 those of one that stands still are forgotten.
    "pg_stat_statements.max": "50000",
}
CI = bool(os.environ.get("CI"))

# Why a test was left out, by its id.
LEFT_OUT = pytest.StashKey[dict[str, str]]()

# The stay on a given server, in the process that the run began in.
VISIT = pytest.StashKey[Visit]()

Connect = Callable[..., psycopg.Connection[Any]]


# The run --------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --prove-differences."""
    parser.addoption(
        "--prove-differences",
        action="store_true",
        help="run just what tests/differences.py leaves out on LOCKSTEP_TEST_DSN; what passes is a failure",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder of this run's server, in the process that will take it away."""
    for name in ("LOCKSTEP_DSN", "LOCKSTEP_SCHEMA"):
        os.environ.pop(name, None)
    # A server that stands still for a while is none that is down.
    postgres.CONNECT_LIMIT = DEADLINE
    config.stash[LEFT_OUT] = {}
    if not hasattr(config, "workerinput"):
        folder = folder_for_servers()
        for old in folder.glob(f"lockstep-tests-{os.getuid()}-*"):
            if not Path(f"/proc/{old.name.rpartition('-')[2]}").exists():
                _remove(Server(old, Settings.from_environment().pgbin))
        os.environ[HOME] = str(folder / f"lockstep-tests-{os.getuid()}-{os.getpid()}")
        if given():
            config.stash[VISIT] = Visit()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run's server is not for; or, to prove the register, everything else."""
    differences = applying() if given() else ()
    proving = config.getoption("--prove-differences")
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        difference = next((row for row in differences if row.names(item.nodeid)), None)
        # Only listed, they are all there are.
        if reason := None if config.option.collectonly else lacking(item):
            config.stash[LEFT_OUT][item.nodeid] = reason
        elif difference and proving:
            item.add_marker(pytest.mark.xfail(reason=difference.reason, strict=difference.certain))
        elif difference:
            config.stash[LEFT_OUT][item.nodeid] = f"{difference.condition}: {difference.reason}"
        wanted = not proving or bool(difference)
        (kept if wanted and item.nodeid not in config.stash[LEFT_OUT] else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def lacking(item: pytest.Item) -> str | None:
    """What a test needs, by its markers, and does not have here.

    Where CI names a server, Debian's, its extensions have to be there, and so have programs in any CI.
    """
    sure = CI and Settings.from_environment().pgbin is not None
    for marker in item.iter_markers("needs_extension"):
        if cluster.variant() == "school" and marker.args == ("plpgsql_check",):
            return "plpgsql_check makes a server with Citus crash where it reads a school that is whole on a node"
        if not sure and not has_extension(*marker.args, **marker.kwargs):
            return f"no extension {marker.args[0]}"
    for marker in item.iter_markers("needs_major"):
        if marker.args[0] != major():
            return f"not PostgreSQL {marker.args[0]}"
    for marker in item.iter_markers("needs_program"):
        if not CI and not shutil.which(marker.args[0]):
            return f"no program {marker.args[0]}"
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from a worker what it left out: each collects everything."""
    node.config.stash[LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left out", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name what was left out."""
    counts = Counter(config.stash[LEFT_OUT].values())
    for reason, tests in sorted(counts.items()):
        terminalreporter.write_line(f"left out on this server: {tests} {'test' if tests == 1 else 'tests'}: {reason}")


@cache
def pg_config(name: str) -> str:
    """What pg_config says of this run's server."""
    pgbin = Settings.from_environment().pgbin or wheel_pgbin()
    command = [str(pgbin / "pg_config"), f"--{name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def major() -> int:
    """The major version of this run's server."""
    return major_of_given() if given() else int(pg_config("version").split()[1].split(".")[0])


def has_extension(name: str, *, scratch: bool = False) -> bool:
    """Whether this run's server can create the extension, by its files; or a server that a test starts."""
    if given() and not scratch:
        return name in available()
    return (Path(pg_config("sharedir")) / "extension" / f"{name}.control").exists()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for a connection left behind (G11), then take the server away."""
    if hasattr(session.config, "workerinput"):
        worker: Any = session.config
        worker.workeroutput["left out"] = session.config.stash[LEFT_OUT]
        return
    server, visit = run_server(), session.config.stash.get(VISIT, None)
    if server.is_running():
        if visit:
            left = visit.clients_left()
        else:
            with psycopg.connect(server.dsn_for("postgres"), autocommit=True) as connection:
                left = clients_left(connection)
        if left:
            _report_error(session, "pg_stat_activity is not back to its baseline", "\n".join(left))
    if server.home.exists():
        _remove(server)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave a given server as it was found."""
    if visit := config.stash.get(VISIT, None):
        visit.end()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Any:
    """In CI nothing is skipped: a part that is missing there is a failure."""
    report = yield
    return _refuse_skip(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Any:
    """The same for a module that skips itself."""
    report = yield
    return _refuse_skip(report)


def _refuse_skip(report: Any) -> Any:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI takes for a failure: {report.longrepr}"
    return report


def _report_error(session: pytest.Session, name: str, text: str) -> None:
    """Count an error in pytest's closing line, and in its exit status."""
    report = pytest.TestReport(f"tests::{name}", ("tests", None, name), {}, "failed", text, "teardown")
    session.config.hook.pytest_runtest_logreport(report=report)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _remove(server: Server) -> None:
    server.stop()
    shutil.rmtree(server.home, ignore_errors=True)


# Its server -----------------------------------------------------------------------------------


def run_server() -> Server:
    """The server of this run, whichever process asks, started or not."""
    if dsn := given():
        return GivenServer(Path(os.environ[HOME]), Settings.from_environment().pgbin, dsn)
    return Server(Path(os.environ[HOME]), Settings.from_environment().pgbin, SHARED_SETTINGS)


@pytest.fixture(scope="session")
def server() -> Server:
    """The running server of this run."""
    server = run_server()
    server.start()
    return server


@pytest.fixture(scope="session")
def pgbin(server: Server) -> Path:
    """The folder of psql, pg_dump and the like, of the server's version."""
    return server.pgbin


@pytest.fixture(scope="session")
def admin(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection to the database `postgres`, which stays as it is."""
    with psycopg.connect(server.dsn_for("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template(server: Server, admin: psycopg.Connection[Any]) -> str:
    """The name of a database with migrations, functions and curriculum, to make clones of."""
    with (server.home / "template.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = admin.execute("select from pg_database where datname = %s and datistemplate", [TEMPLATE])
        if done.rowcount == 0:
            _build_template(server, admin)
    return TEMPLATE


def _build_template(server: Server, admin: psycopg.Connection[Any]) -> None:
    from app import curriculum
    from app.migrator import Migrator

    dsn = server.dsn_for(TEMPLATE)
    with cluster.nodes(admin) as nodes:
        for node in nodes:
            node.execute(f"drop database if exists {TEMPLATE} with (force)")
            node.execute(f"create database {TEMPLATE}")
        if cluster.variant():
            cluster.build(dsn)
        else:
            migrator = Migrator(dsn)
            migrator.migrate()
            migrator.load()
            curriculum.load(dsn)
        # While one of these is not gone there is no clone; the server waits for it, but for seconds only.
        assert not clients_left(admin, TEMPLATE)
        for node in nodes:
            node.execute(f"alter database {TEMPLATE} with is_template true allow_connections false")
            cluster.leave(node, TEMPLATE)


# A database a test ----------------------------------------------------------------------------

_number = itertools.count(1)


@contextmanager
def cloned(server: Server, admin: psycopg.Connection[Any], template: str) -> Iterator[str]:
    """The DSN of a clone of the template; whoever leaves a connection to it fails."""
    name = f"{PREFIX}{WORKER}_{next(_number)}"
    clone = sql.Identifier(name)
    create = "create database {} template {} strategy file_copy"
    with cluster.nodes(admin) as nodes:
        for node in nodes:
            node.execute(sql.SQL(create).format(clone, sql.Identifier(template)))
            # A clone does not inherit what `alter database … set` gave the template.
            node.execute(sql.SQL("alter database {} set search_path = lockstep, public").format(clone))
            cluster.settle(node, name, template)
        yield server.dsn_for(name)
        left = clients_left(admin, name)
        for node in nodes:
            if cluster.variant():
                cluster.leave(node, name)
            drop(node, name)
    assert not left


@pytest.fixture
def database(server: Server, admin: psycopg.Connection[Any], template: str) -> Iterator[str]:
    """The DSN of a clone of the template; a test that leaves a connection to it fails."""
    with cloned(server, admin, template) as dsn:
        yield dsn


@pytest.fixture
def connect(database: str) -> Iterator[Connect]:
    """Open further connections: connect(role=None, autocommit=True, **psycopg's options)."""
    opened: list[psycopg.Connection[Any]] = []

    def connect(role: str | None = None, **options: Any) -> psycopg.Connection[Any]:
        connection = psycopg.connect(database, **{"autocommit": True, **options})
        opened.append(connection)
        if role:
            with connection.transaction():
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        return connection

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Connect) -> psycopg.Connection[Any]:
    """A superuser's connection to the clone, in autocommit."""
    return connect()


# An empty database, by pytest-postgresql over our launcher. The clones above are our own because
# it would build a template a worker, while roles are the cluster's, and copy it the slow way.


@pytest.fixture(scope="session")
def launched(server: Server) -> SimpleNamespace:
    """Our server, as pytest-postgresql wants to be told of one."""
    given = conninfo_to_dict(server.dsn_for("postgres"))
    login = {name: given.get(name, "") for name in ("host", "port", "user", "password")}
    return SimpleNamespace(**login, options="", maintenance_dbname="postgres", template_dbname="template1")


postgresql_noproc = factories.postgresql_noproc(depends_on="launched", dbname=f"{PREFIX}empty_")
postgresql = factories.postgresql("postgresql_noproc")


@pytest.fixture
def empty_database(server: Server, template: str, postgresql: psycopg.Connection[Any]) -> str:
    """The DSN of a database with nothing in it; the roles are there already, as two who make them could collide."""
    return server.dsn_for(postgresql.info.dbname)
