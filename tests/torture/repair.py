"""A repair of many pairs while writers at full speed write the same pairs: not one update may be lost.

    python -m tests.torture.repair --rows 100000

Pairs are put out of step by force: both directions, and either side missing. Eight sessions call
level_up() and update_level() on them as lockstep_app, each call with an idempotency key, and remember
what was acknowledged. Beside them a client process runs `flask --app app sync reconcile`; in the
middle of it that process gets kill -9, its backend notices, and `sync apply` goes on with the run. A
second `reconcile` takes what the first had to skip; once the writers have stopped, a last one takes
the rest.

Every call adds one session, so what it answers as completed_sessions is its number in the pair: these
numbers have to be 1 to n without a gap or a repetition, which shows a lost update even where the sums
would hide it. Each pair has to be at the level that its last call answered (the higher one, where that
left the two sides apart), each repaired item of a run has one row of history, and the items of every
run add up.

The speed of the writers without a repair beside them is measured before (on other pairs, in step) and
after. fsync is on, the data are on a disk (--folder). It exits with 1 if anything does not hold.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from app.settings import PROJECT
from tests.pairs import rules_off
from tests.support import wait_until
from tests.torture.scratch import (
    Connection,
    add_users,
    amcheck,
    broken_guards,
    build,
    deadlocks,
    desynced,
    number,
    scratch_server,
)

SPECIALIZATIONS = "PLAYER", "COACH"
LEVELS = 8
WRITERS = 8
SETTINGS = {"fsync": "on", "full_page_writes": "on", "max_wal_size": "4GB"}

# Without it a backend does not notice that its client is gone, and goes on to the end of the run.
REPAIR_OPTIONS = "-c client_connection_check_interval=200ms"

# Seconds to wait for what should happen.
DEADLINE = 60

Pair = tuple[int, str]

# A fourth each: progress higher, license higher, license missing, progress missing.
KINDS = """
create temp table planted as
select
    (n + 1) / 2 as user_id,
    case mod(n, 2) when 0 then 'PLAYER' else 'COACH' end as specialization,
    case mod(n / 2, 4) when 0 then 5 when 1 then 2 when 2 then 4 end as progress_level,
    case mod(n / 2, 4) when 0 then 3 when 1 then 6 when 3 then 3 end as license_level
from generate_series(1, %s) as n
"""
IN_STEP = """
insert into planted
select user_id + %s, specialization, 3, 3
from planted
"""
PROGRESS = """
insert into lockstep.specialization_progress (student_id, specialization_id, current_level)
select user_id, specialization, progress_level
from planted
where progress_level is not null
"""
LICENSES = """
insert into lockstep.user_licenses (user_id, specialization_type, current_level, max_achieved_level)
select user_id, specialization, license_level, license_level
from planted
where license_level is not null
"""
ANALYZE = "analyze lockstep.users, lockstep.specialization_progress, lockstep.user_licenses"

# Pairs whose rows of history by a repair are not as many as the items that changed a level.
REPEATED = """
select count(*)
from (
    select item.user_id, item.specialization_id, count(*) as repairs
    from lockstep.sync_run_items as item
    where item.outcome = 'synced'
    group by item.user_id, item.specialization_id
) as repaired
full join (
    select license.user_id, license.specialization_type as specialization_id, count(*) as rows
    from lockstep.license_progressions as progression
    inner join lockstep.user_licenses as license
        on license.user_id = progression.user_id
        and license.id = progression.user_license_id
    where progression.route = 'repair'
    group by license.user_id, license.specialization_type
) as written using (user_id, specialization_id)
where repaired.repairs is distinct from written.rows
"""
RUNS = """
select
    run.id,
    run.status,
    run.issues_found,
    run.synced_count,
    run.failed_count,
    run.skipped_count,
    count(*) filter (where item.outcome = 'planned') as left_over,
    count(*) filter (where item.outcome in ('skipped', 'failed') and item.detail is null) as unsaid,
    count(item.run_id) as items
from lockstep.sync_runs as run
left join lockstep.sync_run_items as item on item.run_id = run.id
group by run.id
order by run.id
"""


class Answer(NamedTuple):
    """What was acknowledged: the call's number in its pair, its XP, and the level that it left."""

    serial: int
    xp: int
    level: int


@dataclass
class Outcome:
    """What a torture of a repair showed."""

    pairs: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    overwritten: int = 0
    found: int = 0
    repaired: int = 0
    skipped: int = 0
    failed: int = 0
    seconds: float = 0
    with_repair: float = 0
    without_repair: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """The closing lines."""
        without = " and ".join(f"{rate:.0f}" for rate in self.without_repair)
        return (
            f"pairs {self.pairs}, updates acknowledged {self.acknowledged}, lost {self.lost},"
            f" doubled {self.doubled}, levels overwritten {self.overwritten}\n"
            f"items planned {self.found}, repaired {self.repaired}, skipped (and said) {self.skipped},"
            f" failed (and said) {self.failed}, repair {self.seconds:.1f} s\n"
            f"updates a second: {self.with_repair:.0f} beside the repair, {without} before and after it"
        )

    @property
    def broken(self) -> bool:
        """Whether anything did not hold."""
        return bool(self.lost or self.doubled or self.overwritten or self.problems)


class Writer(threading.Thread):
    """Sends one call after the other until told to stop, and keeps what was answered."""

    def __init__(self, dsn: str, name: str, users: range) -> None:
        super().__init__(daemon=True)
        self.dsn, self.prefix, self.users = dsn, name, users
        self.random = random.Random(name)
        self.answers: list[tuple[Pair, Answer]] = []
        self.errors: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        try:
            with psycopg.connect(self.dsn, autocommit=True, application_name=self.prefix) as connection:
                connection.execute("set role lockstep_app")
                while not self.stopped.is_set():
                    self.write(connection)
        except Exception as error:
            self.errors.append(f"{self.prefix}: {type(error).__name__}: {error}")

    def write(self, connection: Connection) -> None:
        """Make one call: three of four award XP, the others set a level."""
        pair = self.random.choice(self.users), self.random.choice(SPECIALIZATIONS)
        key, xp = f"{self.prefix}-{len(self.answers)}", self.random.randint(0, 5000)
        call = "level_up(%s, %s, %s, 1, p_idempotency_key => %s)"
        values: tuple[object, ...] = (*pair, xp, key)
        if self.random.random() < 0.25:
            call = "update_level(%s, %s, %s, %s, 1, p_idempotency_key => %s)"
            values = (*pair, self.random.randint(1, LEVELS), xp, key)
        row = connection.execute(
            "select completed_sessions, greatest(progress_new_level, license_new_level), replayed"
            f" from lockstep.{call}".encode(),
            values,
        ).fetchone()
        assert row is not None
        if row[2]:
            self.errors.append(f"{key} was answered as if sent before")
        self.answers.append((pair, Answer(row[0], xp, row[1])))


class Writers:
    """Several writers, and how fast they are together."""

    def __init__(self, dsn: str, name: str, users: range) -> None:
        self.all = [Writer(dsn, f"{name}-{place}", users) for place in range(WRITERS)]

    def start(self) -> None:
        """Let them write."""
        for writer in self.all:
            writer.start()

    def calls(self) -> int:
        """How many calls were answered so far."""
        return sum(len(writer.answers) for writer in self.all)

    def stop(self) -> None:
        """Let each finish its call and close its connection."""
        for writer in self.all:
            writer.stopped.set()
        for writer in self.all:
            if writer.ident is not None:
                writer.join()

    @contextmanager
    def measured(self, rates: list[float]) -> Iterator[None]:
        """Add to `rates` how many calls a second were answered inside the block."""
        calls, started = self.calls(), time.monotonic()
        yield
        rates.append((self.calls() - calls) / (time.monotonic() - started))


class Repair:
    """The client process: `flask --app app sync …` on this database."""

    def __init__(self, dsn: str, output: IO[str]) -> None:
        self.environment = {**os.environ, "LOCKSTEP_DSN": make_conninfo(dsn, options=REPAIR_OPTIONS)}
        self.output = output

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it; what it prints goes to a file."""
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "sync", *arguments],
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> list[str]:
        """Run it to its end; return what is wrong with how it ended. 1 says that an item failed."""
        code = self.start(*arguments).wait()
        return [] if code in (0, 1) else [f"sync {' '.join(arguments)} ended with {code}"]


def torture(dsn: str, rows: int, seconds: float, say: Callable[[str], None] = lambda text: None) -> Outcome:
    """Plant, write, repair, kill, resume and add up, in a database with none of these users yet."""
    outcome = Outcome(pairs=rows)
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        tempfile.TemporaryFile("w+") as output,
    ):
        planted, others = _plant(connection, rows)
        deadlocks_before = deadlocks(connection)
        say(f"planted: {desynced(connection)} pairs out of step")
        repair = Repair(dsn, output)

        beside = Writers(dsn, "before", others)
        beside.start()
        with beside.measured(outcome.without_repair):
            threading.Event().wait(seconds)
        beside.stop()

        writers = Writers(dsn, "writer", planted)
        try:
            rates: list[float] = []
            started = time.monotonic()
            run = _killed_in_the_middle(connection, repair, writers, say)
            with writers.measured(rates):
                outcome.problems += repair.run("apply", str(run))
                outcome.problems += repair.run("reconcile", "--no-log")
            outcome.seconds = time.monotonic() - started
            (outcome.with_repair,) = rates
            say(f"repaired beside writers: {outcome.seconds:.1f} s, {desynced(connection)} pairs still out of step")
            with writers.measured(outcome.without_repair):
                threading.Event().wait(seconds)
        finally:
            writers.stop()
        outcome.problems += repair.run("reconcile", "--no-log")
        if outcome.problems:
            output.seek(0)
            outcome.problems.append(output.read()[-2000:])

        _check(connection, outcome, [*beside.all, *writers.all])
        seen = deadlocks(connection) - deadlocks_before
        if seen:
            outcome.problems.append(f"{seen} deadlocks")
    return outcome


def _plant(connection: Connection, rows: int) -> tuple[range, range]:
    """Make pairs out of step by force, and as many in step; return the users of each."""
    users = (rows + 1) // 2
    add_users(connection, 2 * users)
    with rules_off(connection):
        connection.execute(KINDS, [rows])
        connection.execute(IN_STEP, [users])
        connection.execute(PROGRESS)
        connection.execute(LICENSES)
    connection.execute(ANALYZE)
    return range(1, users + 1), range(users + 1, 2 * users + 1)


def _killed_in_the_middle(connection: Connection, repair: Repair, writers: Writers, say: Callable[[str], None]) -> int:
    """Start a reconciliation, let the writers in, and kill -9 its process in the middle; return its run.

    The writers come after the plan: on a fast machine they would leave it nothing to repair.
    """
    with _slowly(connection, number(connection, "select count(*) from planted")):
        process = repair.start("reconcile", "--no-log")
        try:
            run = _begun(connection, process)
            writers.start()
            wait_until(connection, lambda: writers.calls() >= WRITERS, "the writers write", DEADLINE)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        workers = (
            "select count(*) from pg_stat_activity where application_name = 'lockstep' and datname = current_database()"
        )
        ended = lambda: number(connection, workers) == 0  # noqa: E731
        wait_until(connection, ended, "the backend of the killed process ends", DEADLINE)
        done, found = _progress(connection, run)
    say(f"run {run}: killed with {done} of {found} items done")
    assert 0 < done < found, f"the kill came with {done} of {found} items done: not in the middle"
    return run


@contextmanager
def _slowly(connection: Connection, found: int) -> Iterator[None]:
    """Repair a thousandth of the pairs at a time, with pauses far longer than a kill takes to be noticed."""
    slow = {"sync_batch_size": str(max(1, found // 1000)), "sync_pause": "2s"}
    usual = {name: connection.execute("select lockstep.setting(%s)", [name]).fetchone() for name in slow}
    for name, value in slow.items():
        connection.execute("select lockstep.change_setting(%s, %s)", [name, value])
    yield
    for name, row in usual.items():
        connection.execute("select lockstep.change_setting(%s, %s)", [name, row and row[0]])


def _begun(connection: Connection, process: subprocess.Popen[str]) -> int:
    """Wait until some of the run's items are done; return the run."""

    def is_there() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the repair ended with {process.returncode} before it was killed")
        return _progress(connection, number(connection, running))[0] > 0

    running = "select coalesce(max(id), 0) from lockstep.sync_runs where status = 'running'"
    wait_until(connection, is_there, "the first items are repaired", DEADLINE * 5)
    return number(connection, running)


def _progress(connection: Connection, run: int) -> tuple[int, int]:
    """How many items of a run are done, and how many it has."""
    row = connection.execute(
        "select count(*) filter (where outcome <> 'planned'), count(*) from lockstep.sync_run_items where run_id = %s",
        [run],
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _check(connection: Connection, outcome: Outcome, writers: Sequence[Writer]) -> None:
    """Hold the database to what the writers know, and to the ledger of the runs."""
    answers: dict[Pair, list[Answer]] = defaultdict(list)
    for writer in writers:
        outcome.problems += writer.errors
        outcome.acknowledged += len(writer.answers)
        for pair, answer in writer.answers:
            answers[pair].append(answer)
    _check_pairs(connection, outcome, answers)

    for run, status, found, synced, failed, skipped, left_over, unsaid, items in connection.execute(RUNS):
        outcome.found += found
        outcome.repaired += synced
        outcome.failed += failed
        outcome.skipped += skipped
        if found != synced + failed + skipped or items != found or left_over or unsaid:
            outcome.problems.append(
                f"run {run} ({status}): {found} found, {synced} synced, {failed} failed, {skipped} skipped,"
                f" {left_over} of {items} items not done, {unsaid} without a reason"
            )
    counts = {
        "pairs out of step": (desynced(connection), 0),
        "pairs with a repair that has no row of history, or two": (number(connection, REPEATED), 0),
        "idempotency keys": (
            number(connection, "select count(*) from lockstep.idempotency_keys where answer is not null"),
            outcome.acknowledged,
        ),
    }
    outcome.problems += [f"{seen} {what}, not {wanted}" for what, (seen, wanted) in counts.items() if seen != wanted]
    outcome.problems += [f"guard {text}" for text in broken_guards(connection)]


def _check_pairs(connection: Connection, outcome: Outcome, answers: dict[Pair, list[Answer]]) -> None:
    """Compare sums, numbers of calls and level of every pair."""
    rows = connection.execute(
        "select planted.user_id, planted.specialization, greatest(planted.progress_level, planted.license_level),"
        " progress.completed_sessions, progress.total_xp, progress.current_level"
        " from planted left join lockstep.specialization_progress as progress"
        " on progress.student_id = planted.user_id and progress.specialization_id = planted.specialization"
    )
    for user, specialization, level, calls, xp, level_now in rows:
        of_pair = sorted(answers.pop((user, specialization), []))
        serials = [answer.serial for answer in of_pair]
        missing = len(of_pair) - (calls or 0)
        if missing or serials != list(range(1, len(of_pair) + 1)) or sum(answer.xp for answer in of_pair) != xp:
            # As many calls and other sums: one is missing for one that counted twice.
            outcome.lost += max(missing, missing == 0)
            outcome.doubled += max(-missing, missing == 0)
        outcome.overwritten += level_now != (of_pair[-1].level if of_pair else level)
    outcome.lost += sum(len(of_pair) for of_pair in answers.values())


def main() -> int:
    """Run it; return 1 if anything was lost, doubled, overwritten or broken."""
    parser = argparse.ArgumentParser(description="A repair beside writers at full speed, on a server of its own.")
    parser.add_argument("--rows", type=int, default=100_000, help="pairs out of step")
    parser.add_argument("--seconds", type=float, default=10, help="of writing without a repair, before and after")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="for the data")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with scratch_server(given.folder, SETTINGS) as server:
        dsn = build(server, 0)
        outcome = torture(dsn, given.rows, given.seconds, lambda text: print(text, flush=True))
        found = amcheck(server, dsn)
        if found:
            outcome.problems.append(f"pg_amcheck: {found}")
    for problem in outcome.problems:
        print(f"FAILED: {problem}")
    print(outcome.summary())
    print("repair torture:", "failed" if outcome.broken else "everything held")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
