"""Crash torture: writers remember what was acknowledged, the server dies, and the database has to agree.

    python -m tests.torture.crash --cycles 100

A cycle: 16 writers award XP and set levels, each call with an idempotency key; in the middle of it
one of three things happens, in turn:

    kill       kill -9 of the postmaster; its orphans are left to die by themselves
    immediate  pg_ctl stop -m immediate
    terminate  pg_terminate_backend of writers in mid-call, again and again; the server stays up

Then the launcher brings the server up, and every pair is added up: what was acknowledged is there
once, what got no answer is there once or not at all. Each unanswered call is sent again with its
key, and now counts once. No pair is out of step, every history leads from level 1 to the level held,
the sentinel finds every guard intact, and pg_amcheck finds heaps and indexes sound.

fsync is on and the data are on a disk (--folder). A killed process takes no written page with it, so
what this proves is the server's recovery and our accounting, not the disk. It can fail:
`--set synchronous_commit=off` loses acknowledged calls.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from app.postgres import Server
from tests.support import DEADLINE
from tests.torture.scratch import (
    Connection,
    amcheck,
    broken_chains,
    broken_guards,
    build,
    deadlocks,
    desynced,
    number,
    scratch_server,
)

CRASHES = "kill", "immediate", "terminate"
SPECIALIZATIONS = {"PLAYER": 8, "COACH": 8, "INTERNSHIP": 3}
WRITERS = 16
# Pairs of this many users at a time; each cycle a few new ones come, so that pairs are made as well.
USERS = 20
NEW_USERS = 3
# A checkpoint every few seconds, so that crashes meet them too.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "checkpoint_timeout": "30s", "max_wal_size": "64MB"}
APPLICATION = "torture writer"

Pair = tuple[int, str]


@dataclass(frozen=True)
class Request:
    """A call with its key. It adds one session, so the sessions of a pair count its calls."""

    key: str
    pair: Pair
    xp: int
    level: int | None

    def send(self, connection: Connection) -> tuple[bool, bool]:
        """Make the call; return whether the answer is a stored one, and whether a level changed."""
        if self.level is None:
            query = "level_up(%s, %s, %s, 1, p_idempotency_key => %s)"
            values: tuple[object, ...] = (*self.pair, self.xp, self.key)
        else:
            query = "update_level(%s, %s, %s, %s, 1, p_idempotency_key => %s)"
            values = (*self.pair, self.level, self.xp, self.key)
        row = connection.execute(
            f"select replayed, progression_created from lockstep.{query}".encode(), values
        ).fetchone()
        assert row is not None
        return row[0], row[1]


@dataclass
class Total:
    """What a pair has to have."""

    calls: int = 0
    xp: int = 0

    def add(self, request: Request) -> None:
        self.calls += 1
        self.xp += request.xp


@dataclass
class Ledger:
    """What the writers know: the truth that the database is held to."""

    cycles: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    landed: int = 0
    level_changes: int = 0
    totals: dict[Pair, Total] = field(default_factory=lambda: defaultdict(Total))
    lost: int = 0
    doubled: int = 0
    desynced: int = 0
    deadlocks: int = 0
    problems: list[str] = field(default_factory=list)

    def acknowledge(self, request: Request, level_changed: bool) -> None:
        """A call was answered: it counts."""
        self.acknowledged += 1
        self.level_changes += level_changed
        self.totals[request.pair].add(request)

    def summary(self) -> str:
        """The closing line."""
        return (
            f"cycles {self.cycles}, events acknowledged {self.acknowledged}, unanswered {self.unanswered}"
            f" (of them committed {self.landed}), lost {self.lost}, doubled {self.doubled},"
            f" desynced {self.desynced}, deadlocks {self.deadlocks}"
        )

    @property
    def failed(self) -> bool:
        """Whether anything did not hold."""
        return bool(self.lost or self.doubled or self.desynced or self.deadlocks or self.problems)


class Writer(threading.Thread):
    """Sends one call after the other; its own memory is what was answered and what was not."""

    def __init__(self, dsn: str, name: str, users: range, reconnects: bool) -> None:
        super().__init__(daemon=True)
        self.dsn, self.prefix, self.users, self.reconnects = dsn, name, users, reconnects
        self.random = random.Random(name)
        self.answered: list[tuple[Request, bool]] = []
        self.unanswered: list[Request] = []
        self.deadlocks = 0
        self.errors: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                with psycopg.connect(
                    self.dsn, autocommit=True, application_name=APPLICATION, options="-c role=lockstep_app"
                ) as connection:
                    while not self.stopped.is_set():
                        self.write(connection)
            except psycopg.OperationalError:
                if not self.reconnects:
                    return
            except Exception as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                return

    def write(self, connection: Connection) -> None:
        """Make one call, and remember how it ended."""
        pair = self.random.choice(self.users), self.random.choice(list(SPECIALIZATIONS))
        request = Request(
            f"{self.prefix}-{len(self.answered) + len(self.unanswered)}",
            pair,
            self.random.randint(0, 5000),
            self.random.randint(1, SPECIALIZATIONS[pair[1]]) if self.random.random() < 0.4 else None,
        )
        try:
            replayed, level_changed = request.send(connection)
        except psycopg.Error as error:
            self.unanswered.append(request)
            self.deadlocks += error.sqlstate == "40P01"
            raise
        if replayed:
            self.errors.append(f"{request.key} was answered as if sent before")
        self.answered.append((request, level_changed))


def torture(
    cycles: int, folder: Path, settings: Mapping[str, str], seconds: float = 1.5, verbose: bool = False
) -> Ledger:
    """Run the cycles on a server in this folder; return what was seen."""
    ledger = Ledger()
    with scratch_server(folder, {**SETTINGS, **settings}) as server:
        build(server, USERS + cycles * NEW_USERS)
        for cycle in range(cycles):
            crash = CRASHES[cycle % len(CRASHES)]
            started = time.monotonic()
            unanswered = _load(server, ledger, cycle, crash, seconds)
            _check(server, ledger, unanswered)
            ledger.cycles += 1
            if verbose:
                print(
                    f"{crash}: {time.monotonic() - started:.1f} s, {ledger.summary()}"
                    + "".join(f"\n  {problem}" for problem in ledger.problems),
                    flush=True,
                )
            if ledger.failed:
                break
    return ledger


def _load(server: Server, ledger: Ledger, cycle: int, crash: str, seconds: float) -> list[Request]:
    """Let the writers write and the crash happen; return what was left without an answer."""
    chance = random.Random(cycle)
    users = range(1 + cycle * NEW_USERS, 1 + cycle * NEW_USERS + USERS)
    writers = [
        Writer(server.dsn, f"cycle{cycle}-writer{place}", users, reconnects=crash == "terminate")
        for place in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    _wait_for_answers(writers)
    load_time = chance.uniform(0.3, 1) * seconds
    if crash == "terminate":
        _terminate_writers(server, chance, load_time)
        for writer in writers:
            writer.stopped.set()
    else:
        threading.Event().wait(load_time)
        process = server.postmaster()
        assert process is not None
        if crash == "kill":
            _kill(process.pid)
        else:
            _stop_at_once(server)
    for writer in writers:
        writer.join()
        ledger.problems += writer.errors
        ledger.deadlocks += writer.deadlocks
        for request, level_changed in writer.answered:
            ledger.acknowledge(request, level_changed)
    return [request for writer in writers for request in writer.unanswered]


def _wait_for_answers(writers: Sequence[Writer]) -> None:
    """Return once the load has begun: on a slow machine it takes its time."""
    deadline = time.monotonic() + DEADLINE
    while sum(len(writer.answered) for writer in writers) < WRITERS:
        if time.monotonic() > deadline or not any(writer.is_alive() for writer in writers):
            raise AssertionError(f"the writers got no answers: {[writer.errors for writer in writers]}")
        threading.Event().wait(0.01)


def _kill(pid: int) -> None:
    """Kill one process, by its number."""
    subprocess.run(["kill", f"-{signal.SIGKILL}", str(pid)], check=True)


def _stop_at_once(server: Server) -> None:
    """The immediate shutdown of pg_ctl, as the user that runs the server."""
    subprocess.run(
        [server.pgbin / "pg_ctl", "stop", "--mode=immediate", f"--pgdata={server.data}"],
        cwd="/",
        user=server.data.stat().st_uid,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _terminate_writers(server: Server, chance: random.Random, seconds: float) -> None:
    """Take away the backends of writers that are in the middle of a call, a few at a time."""
    deadline = time.monotonic() + seconds
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        while time.monotonic() < deadline:
            connection.execute(
                "select pg_terminate_backend(pid) from ("
                " select pid from pg_stat_activity where application_name = %s and state = 'active'"
                " order by random() limit %s) as victim",
                [APPLICATION, chance.randint(1, 4)],
            )
            connection.execute("select pg_sleep(0.02)")


def _check(server: Server, ledger: Ledger, unanswered: Sequence[Request]) -> None:
    """Bring the server up and hold it to the ledger, before the unanswered calls are sent again and after."""
    dsn = server.start()
    with psycopg.connect(dsn, autocommit=True) as connection:
        keys = [request.key for request in unanswered]
        known = {
            key
            for (key,) in connection.execute("select key from lockstep.idempotency_keys where key = any(%s)", [keys])
        }
        before = {pair: Total(total.calls, total.xp) for pair, total in ledger.totals.items()}
        for request in unanswered:
            if request.key in known:
                before.setdefault(request.pair, Total()).add(request)
        at_first = _compare(connection, before)

        ledger.unanswered += len(unanswered)
        ledger.landed += len(known)
        for request in unanswered:
            replayed, level_changed = request.send(connection)
            ledger.acknowledge(request, level_changed)
            if replayed != (request.key in known):
                ledger.problems.append(f"{request.key}: replayed {replayed}, its key was there: {not replayed}")
        in_the_end = _compare(connection, ledger.totals)
        ledger.lost += max(at_first["lost"], in_the_end["lost"])
        ledger.doubled += max(at_first["doubled"], in_the_end["doubled"])

        ledger.desynced += desynced(connection)
        ledger.deadlocks += deadlocks(connection)
        counts = {
            "idempotency keys": (
                number(connection, "select count(*) from lockstep.idempotency_keys where answer is not null"),
                ledger.acknowledged,
            ),
            "rows of history": (
                number(connection, "select count(*) from lockstep.license_progressions"),
                ledger.level_changes,
            ),
            "broken chains of history": (broken_chains(connection), 0),
        }
        ledger.problems += [
            f"{found} {what} instead of {wanted}" for what, (found, wanted) in counts.items() if found != wanted
        ]
        ledger.problems += [f"guard {text}" for text in broken_guards(connection)]
    found = amcheck(server, dsn)
    if found:
        ledger.problems.append(f"pg_amcheck: {found}")


def _compare(connection: Connection, expected: Mapping[Pair, Total]) -> Counter[str]:
    """Hold the sums of every pair to what they should be; return how many calls are lost or doubled."""
    found = {
        (user, specialization): Total(calls, xp)
        for user, specialization, calls, xp in connection.execute(
            "select student_id, specialization_id, completed_sessions, total_xp from lockstep.specialization_progress"
        )
    }
    wrong: Counter[str] = Counter()
    for pair in expected.keys() | found.keys():
        has, should = found.get(pair, Total()), expected.get(pair, Total())
        if has != should:
            missing = should.calls - has.calls
            # As many calls and other XP: one is missing for one that counted twice.
            wrong["lost"] += max(missing, missing == 0)
            wrong["doubled"] += max(-missing, missing == 0)
    return wrong


def main() -> int:
    """Run it; return 1 if anything was lost, doubled, out of step or broken."""
    parser = argparse.ArgumentParser(description="Crash torture on a server of its own.")
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=1.5, help="of load in a cycle, at most")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="for the data")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    settings = dict(setting.split("=", 1) for setting in given.set)
    started = time.monotonic()
    ledger = torture(given.cycles, given.folder, settings, given.seconds, verbose=True)
    print(f"crash torture: {ledger.summary()}; {time.monotonic() - started:.0f} s, data in {given.folder}")
    print("crash torture:", "failed" if ledger.failed else "everything held")
    return 1 if ledger.failed else 0


if __name__ == "__main__":
    sys.exit(main())
