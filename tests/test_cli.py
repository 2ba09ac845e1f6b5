"""The commands behind the Makefile, on a database of their own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from app import cli, create_app
from app.postgres import Server
from app.settings import PROJECT, Settings
from tests.support import folder_for_servers

FLASK = [sys.executable, "-m", "flask", "--app", "app", "db"]
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


def test_psql_runs_on_the_database_and_keeps_the_password_off_its_command_line(database: str) -> None:
    show = r"\! tr '\0' ' ' < /proc/$PPID/cmdline"
    shown = subprocess.run(
        [*FLASK, "psql", "--", "-At", "-c", "select current_database()", "-c", show],
        cwd=PROJECT,
        env={**os.environ, "LOCKSTEP_DSN": database},
        capture_output=True,
        text=True,
        check=True,
    )
    name, command_line = shown.stdout.splitlines()
    assert name == database.rpartition("/")[2]
    assert name in command_line
    password = database.partition("@")[0].rpartition(":")[2]
    assert password not in command_line


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
    count = "select count(*) from pg_database where datname like 'lockstep_scratch_%'"
    size = ["--students", "20", "--writers", "4", "--events", "200"]
    assert db(Settings(dsn=database), "demo", *size).exit_code == 0
    assert connection.execute(count).fetchone() == (0,)


@pytest.mark.parametrize("stopping", [signal.SIGINT, signal.SIGTERM])
def test_run_stays_until_it_is_told_to_stop_and_stops_what_it_started(home: Path, stopping: signal.Signals) -> None:
    run = start_run(home)
    server = Server(home)
    assert server.is_running()
    run.send_signal(stopping)
    assert run.wait() == 0
    assert server.postmaster() is None


def test_run_leaves_a_server_that_was_up_before(home: Path) -> None:
    server = Server(home, PGBIN)
    server.start()
    run = start_run(home)
    run.send_signal(signal.SIGINT)
    assert run.wait() == 0
    assert server.is_running()


def test_run_ends_when_somebody_stops_its_server(home: Path) -> None:
    run = start_run(home)
    Server(home, PGBIN).stop()
    assert run.wait() == 1


def start_run(home: Path) -> subprocess.Popen[str]:
    """Start `db run` and return once it says that it is running."""
    run = subprocess.Popen(
        [*FLASK, "run"],
        cwd=PROJECT,
        env={**os.environ, "LOCKSTEP_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    with run.stdout:
        assert any("is running" in line for line in run.stdout)
    return run


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
