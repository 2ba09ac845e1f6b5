"""The commands behind the Makefile, on a database of their own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import cli, create_app
from app.postgres import Server
from app.settings import PROJECT, ServiceSettings, Settings
from tests.support import DEADLINE, folder_for_servers

pytestmark = pytest.mark.once

FLASK = [sys.executable, "-m", "flask", "--app", "app"]

# A service beside others: any port, few connections, as this server is shared.
SMALL = {"LOCKSTEP_PORT": "0", "LOCKSTEP_POOL": "1-4", "LOCKSTEP_POOL_ADMIN": "0-1"}

PGBIN = Settings.from_environment().pgbin


@pytest.fixture
def home() -> Iterator[Path]:
    """LOCKSTEP_HOME for a server that the commands start; it is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="lockstep-test-", dir=folder_for_servers()))
    folder.chmod(0o755)
    yield folder
    Server(folder, PGBIN).stop()
    shutil.rmtree(folder)


def db(settings: Settings, *command: str) -> Result:
    """Run a command in this process."""
    return create_app(settings).test_cli_runner().invoke(args=["db", *command])


def test_up_prints_the_dsn_alone_and_down_keeps_the_data(home: Path) -> None:
    settings = Settings(home=home, pgbin=PGBIN)
    up = db(settings, "up")
    assert up.exit_code == 0
    (dsn,) = up.stdout.splitlines()
    with psycopg.connect(dsn) as connection:
        connection.execute("create table kept ()")
    assert db(settings, "status").exit_code == 0
    assert db(settings, "down").exit_code == 0
    assert db(settings, "status").exit_code == 1
    assert db(settings, "up").stdout == up.stdout
    with psycopg.connect(dsn) as connection:
        connection.execute("select from kept")


def test_with_a_dsn_nothing_is_started_or_stopped(empty_database: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", dsn=empty_database)
    for command in ("up", "migrate", "functions", "curriculum", "verify", "status", "down"):
        assert db(settings, command).exit_code == 0
    assert not settings.home.exists()
    psycopg.connect(empty_database).close()


def test_guards_names_what_is_not_as_installed_until_it_is_accepted(database: str) -> None:
    settings = Settings(dsn=database)
    assert db(settings, "guards").exit_code == 0
    with psycopg.connect(database) as connection:
        connection.execute("alter table lockstep.user_licenses disable trigger mirror_update")
    broken = db(settings, "guards")
    assert broken.exit_code == 1
    assert "mirror_update on user_licenses" in broken.stdout
    assert broken.stdout.count("\n") == 2
    assert db(settings, "guards", "--accept").exit_code == 0


def test_a_server_that_is_not_there_is_said_in_a_sentence() -> None:
    answer = db(Settings(dsn="postgresql://nobody@127.0.0.1:1/nothing"), "up")
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)


@pytest.mark.parametrize("other", [None, "postgres"])
def test_psql_runs_on_the_database_or_another_of_its_server_and_keeps_the_password_off_its_command_line(
    database: str, other: str | None
) -> None:
    place = "select current_database(), current_setting('port')"
    show = r"\! tr '\0' ' ' < /proc/$PPID/cmdline"
    chosen = ["-d", other] if other else []
    shown = subprocess.run(
        [*FLASK, "db", "psql", "--", "-At", *chosen, "-c", place, "-c", show],
        cwd=PROJECT,
        env={**os.environ, "LOCKSTEP_DSN": make_conninfo(database, keepalives_idle=17)},
        capture_output=True,
        text=True,
        check=True,
    )
    found, command_line = shown.stdout.splitlines()
    target = conninfo_to_dict(database)
    assert found.split("|") == [other or target["dbname"], target["port"]]
    # A server of somebody's may ask for none.
    assert not target.get("password") or str(target["password"]) not in command_line


def test_verify_fails_on_a_database_without_lockstep(empty_database: str) -> None:
    assert db(Settings(dsn=empty_database), "verify").exit_code == 1


def test_verify_fails_when_a_check_fails(database: str, connection: psycopg.Connection[object]) -> None:
    assert db(Settings(dsn=database), "verify").exit_code == 0
    connection.execute("alter table specialization_progress drop constraint fk_specialization_progress_user")
    assert db(Settings(dsn=database), "verify").exit_code == 1


def test_migrate_down_goes_one_step_and_migrate_comes_back(
    database: str, connection: psycopg.Connection[object]
) -> None:
    count = "select count(*) from schema_migrations"
    before = connection.execute(count).fetchall()
    assert db(Settings(dsn=database), "migrate-down").exit_code == 0
    assert connection.execute(count).fetchall() != before
    assert db(Settings(dsn=database), "migrate").exit_code == 0
    assert connection.execute(count).fetchall() == before


def test_seed_sets_up_an_empty_database_and_changes_nothing_the_second_time(empty_database: str) -> None:
    people = "select count(*), max(created_at) from lockstep.users"
    with psycopg.connect(empty_database, autocommit=True) as connection:
        assert db(Settings(dsn=empty_database), "seed").exit_code == 0
        before = connection.execute(people).fetchone()
        assert db(Settings(dsn=empty_database), "seed").exit_code == 0
        assert connection.execute(people).fetchone() == before


def test_demo_plays_a_season_and_leaves_no_database(database: str, connection: psycopg.Connection[object]) -> None:
    # That of this process: others have theirs on the same server.
    count = f"select count(*) from pg_database where datname = 'lockstep_scratch_{os.getpid()}'"
    size = ["--students", "20", "--writers", "4", "--events", "200"]
    assert db(Settings(dsn=database), "demo", *size).exit_code == 0
    assert connection.execute(count.encode()).fetchone() == (0,)


@pytest.mark.parametrize("stopping", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_told_to_stop_and_stops_what_it_started(home: Path, stopping: signal.Signals) -> None:
    run, said = start_run(home)
    server = Server(home)
    assert server.is_running()
    service = service_of(said)
    # Its first connections may take it a while.
    wait_for(lambda: status(f"{service}/readyz") == 200)
    assert status(f"{service}/openapi/") == 200
    run.send_signal(stopping)
    assert run.wait() == 0
    assert server.postmaster() is None
    assert status(service) is None


def test_run_prints_the_first_admin_once_and_lets_them_in(home: Path) -> None:
    run, said = start_run(home)
    ((email, password),) = re.findall(r"admin +(\S+) +password (\S+)", said)
    login = urllib.request.Request(
        f"{service_of(said)}/api/v1/auth/login",
        json.dumps({"email": email, "password": password}).encode(),
        {"Content-Type": "application/json"},
    )

    def signs_in() -> bool:
        """It does, unless its first connections take it so long that it is told to come again."""
        try:
            with urllib.request.urlopen(login) as answer:
                return "access_token" in json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 503:
                    raise
            return False

    wait_for(signs_in)
    stop(run)
    run, said = start_run(home)
    stop(run)
    assert "password" not in said


def test_a_run_that_is_killed_takes_its_service_and_its_database_along(home: Path) -> None:
    run, said = start_run(home)
    run.kill()
    run.wait()
    server = Server(home)
    wait_for(lambda: not server.postmaster() and not status(service_of(said)))


def test_run_leaves_a_server_that_was_up_before(home: Path) -> None:
    server = Server(home, PGBIN)
    server.start()
    run, _ = start_run(home)
    stop(run)
    assert server.is_running()


def test_run_ends_when_somebody_stops_its_server(home: Path) -> None:
    run, said = start_run(home)
    Server(home, PGBIN).stop()
    assert run.wait() == 1
    assert status(service_of(said)) is None


def test_run_says_that_its_port_is_taken_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = ServiceSettings(port=taken.getsockname()[1])
        answer = db(Settings(home=tmp_path / "home", pgbin=PGBIN, service=service), "run")
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)
    assert not (tmp_path / "home").exists()


def start_run(home: Path) -> tuple[subprocess.Popen[str], str]:
    """Start `db run`; return it, and what it said, once it says that it is running."""
    run = subprocess.Popen(
        [*FLASK, "db", "run"],
        cwd=PROJECT,
        env={**os.environ, "LOCKSTEP_HOME": str(home), **SMALL, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    said = []
    with run.stdout:
        for line in run.stdout:
            said.append(line)
            if line.startswith("Try"):
                return run, "".join(said)
    raise AssertionError("it did not start")


def stop(run: subprocess.Popen[str]) -> None:
    run.send_signal(signal.SIGTERM)
    assert run.wait() == 0


def service_of(said: str) -> str:
    """The address of the service, as `run` printed it."""
    (address,) = re.findall(r"service +(\S+)", said)
    return str(address)


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once it holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.05)


def status(url: str) -> int | None:
    """What the address answers, None where nothing listens."""
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def test_every_target_has_its_line_in_make_help() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    phony = re.search(r"\.PHONY:((?:.*\\\n)*.*)", makefile)
    assert phony
    targets = set(phony[1].replace("\\", "").split())
    make = ["make", "--no-print-directory"]
    shown = subprocess.run(make, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in shown.splitlines()} == targets


def test_every_command_that_the_makefile_calls_exists() -> None:
    called = set(re.findall(r"\$\(DB\) ([a-z-]+)", (PROJECT / "Makefile").read_text()))
    assert called
    assert called <= set(cli.database.commands)
