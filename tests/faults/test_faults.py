"""Faults from outside: a full disk, a disk that breaks, a client that stops, too many clients, a wrong
clock, an answer that never arrives. A call may fail; it never half happens, and never counts twice.
"""

import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.postgres import Server
from tests.pairs import (
    Connect,
    Connection,
    add_users,
    desyncs,
    level_up,
    one,
    progress,
    refused,
    rows,
    update_level,
    value,
)
from tests.support import PREFIX, folder_for_servers, wait_until, wait_until_blocked
from tests.torture.scratch import amcheck, broken_chains, build, scratch_server

DISK_FULL = "53100"


@pytest.fixture
def student(connection: Connection) -> int:
    """A student without a record."""
    add_users(connection, 1)
    return 1


# A full disk ----------------------------------------------------------------------------------


@contextmanager
def disk_of(megabytes: int, owner: int) -> Iterator[Path]:
    """A file system of a few megabytes, in memory, that belongs to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="lockstep-disk-"))
    options = f"size={megabytes}m,mode=700,uid={owner}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], stderr=subprocess.PIPE, text=True
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"mounting a small disk takes root: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk up to this many bytes; return the file that takes the space."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        file.write(bytes(shutil.disk_usage(disk).free - leave))
    return ballast


def award_until_it_fails(connection: Connection, calls: int = 5000) -> tuple[int, psycopg.Error]:
    """Change levels, each with a long remark; return how many calls were answered, and what came then."""
    for answered in range(calls):
        try:
            level, remark = 2 + answered % 2, os.urandom(2000).hex()
            update_level(connection, 1, "PLAYER", level, 1, 1, reason=remark, idempotency_key=f"key {answered}")
        except psycopg.Error as error:
            return answered, error
    raise AssertionError("the disk is not full yet")


def test_on_a_full_disk_a_call_fails_as_a_whole_and_the_next_one_works_when_there_is_space(
    server: Server, admin: Connection, template: str
) -> None:
    name = f"{PREFIX}full_{os.getpid()}"
    with disk_of(64, server.user.pw_uid) as disk:
        admin.execute(sql.SQL("create tablespace {} location {}").format(sql.Identifier(name), str(disk)))
        create = "create database {} template {} tablespace {} strategy file_copy"
        admin.execute(sql.SQL(create).format(*map(sql.Identifier, (name, template, name))))
        try:
            with psycopg.connect(server.dsn_for(name), autocommit=True) as connection:
                add_users(connection, 1)
                update_level(connection, 1, "PLAYER", 1)
                ballast = fill(disk, leave=300_000)
                answered, error = award_until_it_fails(connection)
                assert error.sqlstate == DISK_FULL
                assert answered > 0
                for _ in range(3):
                    with refused(DISK_FULL):
                        update_level(connection, 1, "PLAYER", 5, 1, 1, reason=os.urandom(20_000).hex())

                assert summary(connection) == (answered, answered, answered, 0, 0)
                ballast.unlink()
                answer = update_level(connection, 1, "PLAYER", 5, 1, 1, idempotency_key=f"key {answered}")
                assert not answer.replayed
                assert summary(connection) == (answered + 1, answered + 1, answered + 1, 0, 0)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("drop tablespace {}").format(sql.Identifier(name)))


def summary(connection: Connection) -> tuple[int, int, int, int, int]:
    """XP of the pair, its keys, its level changes, then what is out of step, and broken in the history."""
    query = """
    select
        (select sum(total_xp) from lockstep.specialization_progress) as xp,
        (select count(*) from lockstep.idempotency_keys where answer is not null) as keys,
        (select count(*) from lockstep.license_progressions) as changes
    """
    xp, keys, changes = one(connection, query)
    return xp, keys, changes, desyncs(connection), broken_chains(connection)


@pytest.mark.slow
def test_when_the_log_has_no_space_left_the_server_may_fall_and_every_answered_call_is_there() -> None:
    with disk_of(256, 0) as disk:
        disk.chmod(0o755)
        settings = {"max_wal_size": "32MB", "min_wal_size": "32MB", "wal_recycle": "off"}
        with scratch_server(disk, settings) as server:
            dsn = build(server, 1)
            with psycopg.connect(dsn, autocommit=True) as connection:
                update_level(connection, 1, "PLAYER", 1)
                ballast = fill(disk, leave=4_000_000)
                answered, error = award_until_it_fails(connection, 50_000)
                # A table without space is 53100; a log without space takes the server down: no answer.
                assert error.sqlstate in (DISK_FULL, None)
            ballast.unlink()
            with psycopg.connect(server.start(), autocommit=True) as connection:
                assert summary(connection) in [
                    (answered, answered, answered, 0, 0),
                    (answered + 1, answered + 1, answered + 1, 0, 0),
                ]
                update_level(connection, 1, "PLAYER", 5, 1, 1, idempotency_key="after")
            assert amcheck(server, dsn) == ""


# A disk that breaks, and a clock that jumps ---------------------------------------------------


class Faults:
    """The server's own libc calls, made to go wrong: see shim.c."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._file = server.home / "faults"
        self.set()

    def set(self, clock: int = 0, fsync_fails: bool = False) -> None:
        """Put the clock this many seconds ahead, let fsync fail or not."""
        with open(self._file, "r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("qq", clock, fsync_fails))

    def start(self) -> None:
        """Start the server with the shim between it and libc."""
        shim = self.server.home / "shim.so"
        source = Path(__file__).with_name("shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, source, "-ldl"], check=True)
        shim.chmod(0o755)
        self._file.chmod(0o644)
        pg_ctl = self.server.pgbin / "pg_ctl"
        subprocess.run(
            [pg_ctl, "start", "--wait", f"--pgdata={self.server.data}", f"--log={self.server.log}"],
            cwd="/",
            env={"LC_ALL": "C", "PATH": os.defpath, "LD_PRELOAD": str(shim), "LOCKSTEP_FAULTS": str(self._file)},
            user=self.server.data.stat().st_uid,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )


@pytest.fixture
def faults() -> Iterator[Faults]:
    """A server of its own, with fsync on, and what can be made to go wrong in it."""
    with scratch_server(folder_for_servers(), {"fsync": "on"}) as server:
        build(server, 1)
        server.stop()
        faults = Faults(server)
        faults.start()
        yield faults


@pytest.mark.slow
@pytest.mark.needs_program("cc")
def test_when_fsync_fails_no_call_is_acknowledged_and_the_retry_counts_once(faults: Faults) -> None:
    server = faults.server
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for n in range(5):
            level_up(connection, 1, "PLAYER", 10, 1, idempotency_key=f"key {n}")
        faults.set(fsync_fails=True)
        # The log cannot be written: the server panics, and no answer comes.
        with pytest.raises(psycopg.OperationalError):
            level_up(connection, 1, "PLAYER", 10, 1, idempotency_key="in doubt")
        assert connection.closed
    faults.set()
    with psycopg.connect(server.start(), autocommit=True) as connection:
        assert progress(connection).completed_sessions in (5, 6)
        level_up(connection, 1, "PLAYER", 10, 1, idempotency_key="in doubt")
        row = progress(connection)
        assert (row.total_xp, row.completed_sessions) == (60, 6)
        assert desyncs(connection) == 0
    assert amcheck(server, server.dsn) == ""
    assert "Input/output error" in server.log.read_text()


@pytest.mark.slow
@pytest.mark.needs_program("cc")
def test_history_and_keys_do_not_depend_on_the_clock(faults: Faults) -> None:
    """What does depend on it: how long a key is kept. It is purged by its age on the server's clock."""
    days = 24 * 3600
    with psycopg.connect(faults.server.dsn, autocommit=True) as connection:
        for level, clock in [(2, 0), (3, 400 * days), (4, -400 * days), (5, 0), (4, -days)]:
            faults.set(clock=clock)
            assert not update_level(
                connection, 1, "PLAYER", level, 1, idempotency_key=f"to {level} at {clock}"
            ).replayed
        query = "select to_level from lockstep.license_progressions order by {}"
        assert [row.to_level for row in rows(connection, query.format("id"))] == [2, 3, 4, 5, 4]
        assert [row.to_level for row in rows(connection, query.format("advanced_at"))] == [4, 4, 2, 5, 3]
        assert broken_chains(connection) == 0

        for clock in (-1000 * days, 0, 1000 * days):
            faults.set(clock=clock)
            assert update_level(connection, 1, "PLAYER", 3, 1, idempotency_key=f"to 3 at {400 * days}").replayed
        assert progress(connection).total_xp == 5

        faults.set()
        value(connection, "select lockstep.purge_idempotency_keys()")
        left = rows(connection, "select key from lockstep.idempotency_keys")
        assert {row.key for row in left} == {"to 2 at 0", f"to 3 at {400 * days}", "to 5 at 0", f"to 4 at {-days}"}


# A client that stops --------------------------------------------------------------------------


@contextmanager
def client_with_a_pair(
    connection: Connection, database: str, pgbin: Path
) -> Iterator[tuple[Callable[[str], None], int]]:
    """A psql in the middle of a transaction in which it called level_up(), and its backend's pid.

    Called with a statement, it sends that and is stopped as soon as it is idle again.
    """
    client = subprocess.Popen(
        [pgbin / "psql", "--no-psqlrc", "--quiet", database],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "PGAPPNAME": "stopped"},
        text=True,
    )
    assert client.stdin is not None
    backend = "select pid from pg_stat_activity where application_name = 'stopped' and datname = current_database()"

    def send(statement: str, is_done: Callable[[list[Any], list[Any]], bool]) -> None:
        assert client.stdin is not None
        client.stdin.write(f"{statement}\n")
        client.stdin.flush()
        idle = f"{backend} and state = 'idle in transaction' and query = %s"
        what = f"psql is idle after {statement}"
        wait_until(connection, lambda: is_done(rows(connection, idle, statement), rows(connection, backend)), what)

    def send_and_stop(statement: str) -> None:
        # It may be gone already: that is what a timeout does.
        send(statement, lambda idle, alive: bool(idle) or not alive)
        client.send_signal(signal.SIGSTOP)

    try:
        for statement in "begin;", "select lockstep.level_up(1, 'PLAYER', 1000);":
            send(statement, lambda idle, alive: bool(idle))
        yield send_and_stop, value(connection, backend)
    finally:
        client.kill()
        client.wait()
        client.stdin.close()


def test_a_stopped_client_lets_others_wait_no_longer_than_their_lock_timeout(
    connection: Connection, connect: Connect, database: str, pgbin: Path, student: int
) -> None:
    level_up(connection, student, "PLAYER", 1)
    waiting = connect()
    waiting.execute("set lock_timeout = '1s'")
    with client_with_a_pair(connection, database, pgbin) as (send_and_stop, _):
        send_and_stop("select 1;")
        with refused("55P03"):
            level_up(waiting, student, "PLAYER", 10)
        assert progress(connection).total_xp == 1


def test_a_stopped_client_loses_its_row_to_the_idle_in_transaction_timeout(
    connection: Connection, connect: Connect, database: str, pgbin: Path, student: int
) -> None:
    level_up(connection, student, "PLAYER", 1)
    waiting = connect()
    with (
        client_with_a_pair(connection, database, pgbin) as (send_and_stop, holder),
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(level_up, waiting, student, "PLAYER", 10)
        wait_until_blocked(connection, waiting.info.backend_pid, holder)
        send_and_stop("set idle_in_transaction_session_timeout = '1s';")
        assert call.result().total_xp == 11
    assert progress(connection).total_xp == 11


# Too many clients -----------------------------------------------------------------------------


def test_a_thousand_clients_on_one_pair_through_twenty_connections_sum_exactly(
    connection: Connection, connect: Connect, student: int
) -> None:
    clients, connections = 1000, 20
    pool: queue.LifoQueue[Connection] = queue.LifoQueue()
    for _ in range(connections):
        pool.put(connect("lockstep_app"))
    errors: list[BaseException] = []
    together = threading.Barrier(clients)

    def work(client: int) -> None:
        try:
            together.wait()
            lent = pool.get()
            try:
                level_up(lent, student, "COACH", client, 1, idempotency_key=f"client {client}")
            finally:
                pool.put(lent)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=[client]) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    row = progress(connection, student, "COACH")
    assert (row.completed_sessions, row.total_xp) == (clients, sum(range(clients)))
    assert desyncs(connection) == 0


# An answer that never arrives -----------------------------------------------------------------


@dataclass
class CuttingProxy:
    """Stands between one client and the server, and cuts them off around a message of the client.

    after   the message that contains these bytes
    before  True: it does not reach the server; False: the server has answered it, and the answer is dropped
    """

    server: tuple[str, int]
    after: bytes
    before: bool

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut = False
        self._answered = threading.Event()

    def run(self) -> None:
        """Serve one client until it is cut off."""
        with self._listener, self._listener.accept()[0] as client, socket.create_connection(self.server) as server:
            answers = threading.Thread(target=self._pass_on_answers, args=[server, client])
            answers.start()
            while data := client.recv(65536):
                self.cut = self.after in data.lower()
                if self.cut and self.before:
                    break
                server.sendall(data)
                if self.cut:
                    self._answered.wait()
                    break
            server.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _pass_on_answers(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(65536):
                if self.cut:
                    return
                client.sendall(data)
        finally:
            self._answered.set()


@pytest.mark.parametrize("before", [False, True], ids=["after the commit", "before the commit"])
@pytest.mark.parametrize("message", [b"commit", b"level_up"], ids=["transaction", "autocommit"])
def test_a_call_whose_answer_is_lost_is_sent_again_with_its_key_and_counts_once(
    connection: Connection, connect: Connect, database: str, student: int, message: bytes, before: bool
) -> None:
    known = conninfo_to_dict(database)
    proxy = CuttingProxy((str(known["host"]), int(known["port"] or 0)), message, before)
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(proxy.run)
        through = make_conninfo(database, port=proxy.port, sslmode="disable", gssencmode="disable")
        with psycopg.connect(through, autocommit=message != b"commit") as lost, pytest.raises(psycopg.OperationalError):  # noqa: PT012
            level_up(lost, student, "PLAYER", 25_000, 12, idempotency_key="lost")
            lost.commit()
        served.result()
    assert proxy.cut
    wait_until(connection, lambda: _ended(connection), "the lost client's backend has ended")
    arrived = value(connection, "select count(*) from lockstep.specialization_progress")
    assert arrived == (0 if before else 1)

    again = level_up(connect("lockstep_app"), student, "PLAYER", 25_000, 12, idempotency_key="lost")
    assert again.replayed == bool(arrived)
    assert (again.total_xp, again.completed_sessions, again.license_new_level) == (25_000, 12, 2)
    assert progress(connection).total_xp == 25_000
    assert value(connection, "select count(*) from lockstep.license_progressions") == 1
    assert desyncs(connection) == 0


def _ended(connection: Connection) -> bool:
    others: Any = value(
        connection,
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
        # A cluster's own, which looks for transactions in doubt.
        " and not starts_with(application_name, 'citus_internal')",
    )
    return bool(others == 0)
