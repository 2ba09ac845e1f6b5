"""`flask --app app queue …`: the worker wakes, stops and dies without losing anything."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import Result

from app import create_app
from app.settings import PROJECT, Settings
from tests.pairs import Connect, Connection, add_users, desyncs, rows, value
from tests.support import DEADLINE, end_session, wait_until

pytestmark = pytest.mark.usefixtures("people")

# Sessions of workers on this database: the server has those of other tests, too.
WORKERS = "pg_stat_activity where application_name = 'lockstep' and datname = current_database()"


def backlog(connection: Connection) -> int:
    found: int = value(connection, "select backlog from lockstep.queue_status")
    return found


def enqueue(connection: Connection, user: int, xp: int = 10, **named: object) -> None:
    marks = "".join(f", p_{name} => %s" for name in named)
    query = f"select lockstep.enqueue_level_up(%s, 'PLAYER', %s{marks})"
    connection.execute(query.encode(), [user, xp, *named.values()])


class Worker:
    """`flask queue work` in a process of its own."""

    def __init__(self, dsn: str, folder: Path, *options: str) -> None:
        self.log = folder / f"worker-{len(list(folder.iterdir()))}"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "app", "queue", "work", *options],
                cwd=PROJECT,
                env={**os.environ, "LOCKSTEP_DSN": dsn},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def is_working(self) -> bool:
        """Whether it has said so, once more for each time it connected."""
        return "working" in self.log.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Send a signal; return what it printed."""
        self.process.send_signal(number)
        self.process.wait(DEADLINE)
        return self.log.read_text()


@pytest.fixture
def start(database: str, tmp_path: Path) -> Iterator[Any]:
    """Start workers; whatever still runs in the end is killed."""
    workers: list[Worker] = []

    def start(*options: str) -> Worker:
        workers.append(Worker(database, tmp_path, *options))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.stop(signal.SIGKILL)


@pytest.fixture
def run(database: str) -> Any:
    runner = create_app(Settings(dsn=database)).test_cli_runner()

    def run(*arguments: str) -> Result:
        result: Result = runner.invoke(args=["queue", *arguments])
        return result

    return run


# The worker ------------------------------------------------------------------------------------


def test_a_notify_wakes_a_worker_that_would_not_look_for_a_day(connection: Connection, start: Any) -> None:
    worker = start("--poll", "86400")
    wait_until(connection, worker.is_working, "the worker is at work")
    for user in (1, 2):
        enqueue(connection, user)
        wait_until(connection, lambda: backlog(connection) == 0, "the entry is drained")
    assert "stopped: 2 applied" in worker.stop()
    assert worker.process.returncode == 0


def test_without_notify_it_polls(connection: Connection, start: Any) -> None:
    worker = start("--poll", "0.05", "--no-listen")
    wait_until(connection, worker.is_working, "the worker is at work")
    enqueue(connection, 1)
    wait_until(connection, lambda: backlog(connection) == 0, "the entry is drained")
    assert "stopped: 1 applied" in worker.stop(signal.SIGINT)
    assert worker.process.returncode == 0


def test_it_comes_back_when_its_session_was_ended(connection: Connection, start: Any) -> None:
    worker = start()
    wait_until(connection, worker.is_working, "the worker is at work")
    ended = value(connection, f"select array_agg(pg_terminate_backend(pid)) from {WORKERS}")
    assert ended == [True]
    wait_until(connection, lambda: worker.log.read_text().count("working") == 2, "it is back at work")
    enqueue(connection, 1)
    wait_until(connection, lambda: backlog(connection) == 0, "the entry is drained")
    assert "stopped" in worker.stop()


@pytest.mark.slow
def test_workers_killed_at_any_moment_leave_the_sum_of_the_distinct_requests(
    connection: Connection, start: Any
) -> None:
    add_users(connection, *range(101, 141))
    connection.execute("select lockstep.change_setting('queue_batch_size', '20')")
    random, expected = Random(7), 0
    for round_ in range(8):
        for number in range(300):
            key, xp = f"{round_}-{number}", random.randint(1, 50)
            expected += xp
            user = random.randint(101, 140)
            for _ in range(random.choice([1, 1, 2])):  # a retry of the caller
                enqueue(connection, user, xp, idempotency_key=key)
        left = backlog(connection)
        workers = [start("--poll", "0.05") for _ in range(2)]
        level = random.randint(1, left)
        wait_until(connection, lambda level=level: backlog(connection) < level, "some are drained")  # type: ignore[misc]
        for worker in workers:
            worker.stop(signal.SIGKILL)
    sessions = f"select count(*) from {WORKERS}"
    wait_until(connection, lambda: value(connection, sessions) == 0, "the sessions of the dead have ended")
    connection.execute("call lockstep.drain_queue()")
    assert backlog(connection) == 0
    assert value(connection, "select sum(total_xp) from lockstep.specialization_progress") == expected
    assert value(connection, "select set_aside from lockstep.queue_status") == 0
    assert desyncs(connection) == 0


def test_a_drain_whose_session_is_killed_in_the_middle_leaves_all_of_it(
    connection: Connection, connect: Connect
) -> None:
    for user in (1, 2, 3):
        enqueue(connection, user)
    victim = connect()
    victim.execute("begin")
    victim.execute("select lockstep.drain_level_ups()")
    end_session(connection, victim)
    assert backlog(connection) == 3
    connection.execute("call lockstep.drain_queue()")
    assert value(connection, "select sum(total_xp) from lockstep.specialization_progress") == 30


# By hand ---------------------------------------------------------------------------------------


def test_drain_applies_everything_and_shows_how_the_queue_stands(connection: Connection, run: Any) -> None:
    for user in (1, 2, 3):
        enqueue(connection, user)
    assert json.loads(run("status", "--json").stdout)[0]["backlog"] == 3
    drained = run("drain", "--json")
    assert drained.exit_code == 0
    assert json.loads(drained.stdout)[0]["backlog"] == 0
    assert run("status").exit_code == 0


def test_what_was_set_aside_is_shown_requeued_and_discarded(connection: Connection, run: Any) -> None:
    for _ in range(2):
        enqueue(connection, 1, theory_hours=5)
    run("drain")
    shown = run("status")
    assert shown.exit_code == 1
    assert shown.stdout.count("LS005") == 2
    (aside,) = json.loads(run("status", "--json").stdout)
    first, second = (entry["entry_id"] for entry in aside["entries_set_aside"])
    assert json.loads(run("discard", str(first)).stdout)[0]["id"] == first
    assert run("discard", str(first)).exit_code == 2
    assert run("requeue", str(first)).exit_code == 2
    assert run("requeue").exit_code == 2
    assert run("requeue", str(second)).exit_code == 0
    assert backlog(connection) == 1
    run("drain")
    assert run("requeue", "--all").exit_code == 0
    assert backlog(connection) == 1


def test_a_breach_is_recorded_by_drain(connection: Connection, connect: Connect, run: Any) -> None:
    for name, setting in (("queue_patience", "0"), ("lock_budget", "10ms")):
        connection.execute("select lockstep.change_setting(%s, %s)", [name, setting])
    enqueue(connection, 1)
    run("drain")
    enqueue(connection, 1)
    holder = connect()
    holder.execute("begin")
    holder.execute("select from lockstep.specialization_progress where student_id = 1 for no key update")
    assert run("drain").exit_code == 0
    connection.execute("call lockstep.drain_queue()")
    found = rows(connection, "select source, blocker_pid from lockstep.breaches order by noticed_at")
    assert [tuple(breach) for breach in found] == [("queue", holder.info.backend_pid)] * 2
    holder.execute("rollback")
    connection.execute("select lockstep.change_setting('breach_retention', '1 microsecond')")
    assert value(connection, "select lockstep.purge_lock_breaches()") == 2
