"""The service as a process of its own: gunicorn, in production form."""

from pathlib import Path

import psycopg
import pytest
import requests
from click.testing import Result
from psycopg.conninfo import make_conninfo

from app import cli, create_app
from app.postgres import Server
from app.settings import Settings
from tests.http.conftest import THROUGH_POOLER, Connection
from tests.http.running import serving
from tests.support import DEADLINE, wait_until


def test_a_service_serves_until_it_is_told_to_stop_and_leaves_no_connection(
    settings: Settings, tmp_path: Path, connection: Connection
) -> None:
    clients = (
        "select count(*) from pg_stat_activity"
        " where application_name = 'lockstep-http' and datname = current_database()"
    )
    with serving(settings, tmp_path / "log", LOCKSTEP_POOL="1-2") as (address, run):
        # Its first connections may take it a while.
        ready = lambda: requests.get(f"{address}/readyz", timeout=DEADLINE).status_code == 200  # noqa: E731
        wait_until(connection, ready, "it is ready")
        assert connection.execute(clients).fetchone() != (0,)
    assert run.returncode == 0
    gone = lambda: THROUGH_POOLER or connection.execute(clients).fetchone() == (0,)  # noqa: E731
    wait_until(connection, gone, "its connections are gone")
    assert not list(Path("/dev/shm").glob(f"lockstep-metrics-*-{run.pid}-*"))


def test_a_service_does_not_start_with_pools_that_may_grow_beyond_what_is_free(
    settings: Settings, database: str, http_logins: dict[str, str], tmp_path: Path
) -> None:
    large = {"LOCKSTEP_POOL": "1-500", "LOCKSTEP_WORKERS": "2"}
    direct = make_conninfo(database, user="lockstep_http", password=http_logins["lockstep_http"])
    with serving(settings, tmp_path / "log", LOCKSTEP_HTTP_DSN=direct, **large) as (_, run):
        assert run.wait(DEADLINE) == 1
    # A pooler bounds connections by itself.
    if THROUGH_POOLER:
        with serving(settings, tmp_path / "log", **large) as (_, run):
            assert run.poll() is None


def test_a_service_starts_before_its_database_and_says_that_it_is_not_ready(settings: Settings, tmp_path: Path) -> None:
    nowhere = "postgresql://lockstep_http@127.0.0.1:1/nothing"
    with serving(settings, tmp_path / "log", LOCKSTEP_HTTP_DSN=nowhere) as (address, _):
        answer = requests.get(f"{address}/readyz", timeout=DEADLINE)
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"database": "fail", "migrations": "unknown", "guards": "unknown"}


def test_serve_asks_for_its_logins(database: str, tmp_path: Path) -> None:
    answer = flask(Settings(home=tmp_path, dsn=database), "serve")
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)


@pytest.mark.usefixtures("http_logins")
def test_logins_prints_what_a_service_is_told_and_the_same_again(database: str, server: Server) -> None:
    settings = Settings(home=server.home, dsn=database)
    file = server.home / "http-logins.json"
    before = file.stat()
    printed = flask(settings, "db", "logins").stdout
    # Others may be reading it.
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert flask(settings, "db", "logins").stdout == printed
    names = []
    for line in printed.splitlines():
        name, _, dsn = line.partition("=")
        names.append(name)
        with psycopg.connect(dsn) as connection:
            connection.execute("set role lockstep_auth")
    assert tuple(names) == cli.LOGINS


def flask(settings: Settings, *command: str) -> Result:
    return create_app(settings).test_cli_runner().invoke(args=command)
