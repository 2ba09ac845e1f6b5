"""Deadlock runs: many calls on few keys, then raw SQL of every kind against function calls.

    python -m tests.torture.deadlock --calls 1000000 --clients 32 --seconds 30

1. hot      function calls on hot pairs, driven by pgbench: 0 deadlocks, every sum exact.
2. hostile  a third each raw progress writers, raw license writers and function callers, at 1, 20
            and 400 keys: 0 deadlocks as lockstep_legacy, and 0 desync as anybody. A superuser is not
            under the lock-order hook, so there deadlocks may come, and are printed.
3. speed    the same thirds, plain UPDATEs by pgbench at 20 keys, with the hook and without it.

The server is one of its own, in memory and with fsync off: the less a call waits for a disk, the
more calls meet. It exits with 1 if anything of this does not hold.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import psycopg
from psycopg.rows import tuple_row

from tests.support import DEADLINE, SERVER_SETTINGS, clients_left, folder_for_servers
from tests.torture.scratch import (
    Connection,
    broken_chains,
    broken_guards,
    build,
    deadlocks,
    desynced,
    number,
    scratch_server,
)

LEVELS = 8
KEYS = 1, 20, 400
WRITERS = 12
SPEED_KEYS = 20

# The generator of ISO C. Each client draws its own sequence, which drawn() can draw as well: so
# what every pair has to have in the end is known exactly.
HOT_CALLS = """
\\set s (:s * 1103515245 + 12345 + :client_id) % 2147483648
\\set pair (:s / 65536) % :pairs + 1
\\set n (:s / 1024) % 100
\\if :n < 50
select lockstep.level_up(:pair, 'PLAYER', :n * 100, 1);
\\else
select lockstep.update_level(:pair, 'PLAYER', :n % 8 + 1, :n * 100, 1);
\\endif
"""

SPEED_SCRIPTS = {
    "lockstep_legacy progress": (
        "update lockstep.specialization_progress set current_level = :level"
        " where student_id = :pair and specialization_id = 'PLAYER';"
    ),
    "lockstep_legacy license": (
        "update lockstep.user_licenses set current_level = :level"
        " where user_id = :pair and specialization_type = 'PLAYER';"
    ),
    "lockstep_app function": "select lockstep.update_level(:pair, 'PLAYER', :level);",
}


# Hot pairs ------------------------------------------------------------------------------------


def drawn(client: int, calls: int, pairs: int) -> Iterator[tuple[int, int]]:
    """The user and the XP of each call of a client, as HOT_CALLS draws them."""
    state = 1
    for _ in range(calls):
        state = (state * 1103515245 + 12345 + client) % 2147483648
        yield state // 65536 % pairs + 1, state // 1024 % 100 * 100


def hot(dsn: str, pgbin: Path, calls: int, clients: int, pairs: int = 50) -> list[str]:
    """Call functions on hot pairs, one call a transaction; return what did not hold."""
    calls_each = -(-calls // clients)
    with psycopg.connect(dsn, autocommit=True) as connection:
        before = deadlocks(connection)
        report = _pgbench(
            [
                _pgbench_command(
                    dsn, pgbin, clients, HOT_CALLS, "-t", str(calls_each), "-D", "s=1", "-D", f"pairs={pairs}"
                )
            ],
            ["lockstep_app"],
        )[0]
        problems = [] if report.failed == 0 else [f"{report.failed} calls failed"]
        if report.calls != calls_each * clients:
            problems.append(f"{report.calls} calls of {calls_each * clients} were made")

        expected = {pair: [0, 0] for pair in range(1, pairs + 1)}
        for client in range(clients):
            for pair, xp in drawn(client, calls_each, pairs):
                expected[pair][0] += xp
                expected[pair][1] += 1
        found = {
            user: sums
            for user, *sums in connection.execute(
                "select student_id, total_xp, completed_sessions from lockstep.specialization_progress"
                " where specialization_id = 'PLAYER' and student_id <= %s",
                [pairs],
            )
        }
        wrong = sum(found.get(pair, [0, 0]) != sums for pair, sums in expected.items() if sums[1])
        if wrong:
            problems.append(f"{wrong} pairs have other sums than the calls add up to")
        seen = deadlocks(connection) - before
        history = number(connection, "select count(*) from lockstep.license_progressions")
        problems += _state(connection, seen)
    print(
        f"hot: calls {report.calls}, clients {clients}, pairs {pairs}, level changes {history},"
        f" {report.tps:.0f} a second, deadlocks {seen}, failed {report.failed}, wrong sums {wrong}"
    )
    return problems


def _state(connection: Connection, deadlocks_seen: int) -> list[str]:
    """What may never be in the database after a run."""
    counted = {
        "deadlocks": deadlocks_seen,
        "desynced pairs": desynced(connection),
        "broken chains of history": broken_chains(connection),
        "broken guards": len(broken_guards(connection)),
    }
    return [f"{count} {what}" for what, count in counted.items() if count]


# Raw SQL of every kind ------------------------------------------------------------------------

# PLAYER pairs change levels and stay; COACH pairs stay at level 1, so that they have no history
# and may go and come back. Whatever writes a progress row adds 1 XP to it.
UPDATE_PROGRESS = (
    "update lockstep.specialization_progress set current_level = %(level)s, total_xp = total_xp + 1"
    " where student_id = %(user)s and specialization_id = %(specialization)s"
)
UPSERT_PROGRESS = (
    "insert into lockstep.specialization_progress as progress"
    " (student_id, specialization_id, current_level, total_xp)"
    " values (%(user)s, %(specialization)s, %(level)s, 1)"
    " on conflict (student_id, specialization_id) do update"
    " set current_level = excluded.current_level, total_xp = progress.total_xp + 1"
)
MERGE_PROGRESS = (
    "merge into lockstep.specialization_progress as progress"
    " using (values (%(user)s::bigint, %(specialization)s::text)) as given (user_id, specialization_id)"
    " on progress.student_id = given.user_id and progress.specialization_id = given.specialization_id"
    " when matched then update set current_level = %(level)s, total_xp = progress.total_xp + 1"
    " when not matched then insert (student_id, specialization_id, current_level, total_xp)"
    " values (given.user_id, given.specialization_id, %(level)s, 1)"
)
DELETE_PROGRESS = (
    "delete from lockstep.specialization_progress where student_id = %(user)s and specialization_id = 'COACH'"
)
LOCK_PROGRESS = (
    "select from lockstep.specialization_progress"
    " where student_id = %(user)s and specialization_id = %(specialization)s for update"
)
UPDATE_LICENSE = (
    "update lockstep.user_licenses set current_level = %(level)s"
    " where user_id = %(user)s and specialization_type = %(specialization)s"
)
UPSERT_LICENSE = (
    "insert into lockstep.user_licenses as license"
    " (user_id, specialization_type, current_level, max_achieved_level)"
    " values (%(user)s, %(specialization)s, %(level)s, %(level)s)"
    " on conflict (user_id, specialization_type) do update set current_level = excluded.current_level"
)
MERGE_LICENSE = (
    "merge into lockstep.user_licenses as license"
    " using (values (%(user)s::bigint, %(specialization)s::text)) as given (user_id, specialization_id)"
    " on license.user_id = given.user_id and license.specialization_type = given.specialization_id"
    " when matched then update set current_level = %(level)s"
    " when not matched then insert (user_id, specialization_type, current_level, max_achieved_level)"
    " values (given.user_id, given.specialization_id, %(level)s, %(level)s)"
)
DELETE_LICENSE = "delete from lockstep.user_licenses where user_id = %(user)s and specialization_type = 'COACH'"
LOCK_LICENSE = (
    "select from lockstep.user_licenses"
    " where user_id = %(user)s and specialization_type = %(specialization)s for update"
)
REMARK = (
    "insert into lockstep.license_progressions (user_license_id, from_level, to_level)"
    " select license.id, license.current_level, license.current_level"
    " from lockstep.user_licenses as license"
    " where license.user_id = %(user)s and license.specialization_type = 'PLAYER'"
)
UPDATE_LEVEL = "select lockstep.update_level(%(user)s, %(specialization)s, %(level)s, 1)"
LEVEL_UP = "select lockstep.level_up(%(user)s, %(specialization)s, 1)"
SYNC = "select lockstep.sync_records(%(user)s, %(specialization)s, 'license')"

AWARDS = {UPDATE_PROGRESS, UPSERT_PROGRESS, MERGE_PROGRESS, UPDATE_LEVEL, LEVEL_UP}

# By kind of writer: every way, and the statements of its transaction.
Ways = dict[str, tuple[str, ...]]
PROGRESS_WRITER: Ways = {
    "progress update": (UPDATE_PROGRESS,),
    "progress upsert": (UPSERT_PROGRESS,),
    "progress merge": (MERGE_PROGRESS,),
    "progress delete": (DELETE_PROGRESS,),
    "progress select for update": (LOCK_PROGRESS, UPDATE_PROGRESS),
}
LICENSE_WRITER: Ways = {
    "license update": (UPDATE_LICENSE,),
    "license upsert": (UPSERT_LICENSE,),
    "license merge": (MERGE_LICENSE,),
    "license delete": (DELETE_LICENSE,),
    "license select for update": (LOCK_LICENSE, UPDATE_LICENSE),
    "remark": (REMARK,),
    "both locked, both written, remark": (LOCK_LICENSE, LOCK_PROGRESS, UPDATE_LICENSE, UPDATE_PROGRESS, REMARK),
}
CALLER: Ways = {"update_level": (UPDATE_LEVEL,), "level_up": (LEVEL_UP,), "sync_records": (SYNC,)}

# What a racing UPSERT or MERGE may get, and a call whose pair is deleted under it: it is sent again.
RETRIED = {
    "23505": "duplicate key",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "LS014": "nothing to synchronize from",
}


class Writer(threading.Thread):
    """Writes in its own way, in random ways of that, until told to stop."""

    def __init__(self, dsn: str, keys: int, seed: int, role: str | None, ways: Ways) -> None:
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.keys, self.ways = keys, ways
        self.written: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()
        self.xp = 0
        self.error: Exception | None = None
        self.stopped = threading.Event()
        options = f"-c role={role}" if role else ""
        self.connection = psycopg.connect(dsn, autocommit=True, options=options, prepare_threshold=1)

    def run(self) -> None:
        try:
            with self.connection:
                while not self.stopped.is_set():
                    self.write()
        except Exception as error:
            self.error = error

    def write(self) -> None:
        """Send one unit of work until it is committed."""
        way = self.random.choice(list(self.ways))
        specialization = self.random.choice(("PLAYER", "COACH"))
        parameters = {
            "user": self.random.randint(1, self.keys),
            "specialization": specialization,
            "level": self.random.randint(1, LEVELS) if specialization == "PLAYER" else 1,
        }
        while True:
            try:
                xp = self.send(self.ways[way], parameters)
            except psycopg.Error as error:
                if error.sqlstate not in RETRIED:
                    raise
                self.retried[RETRIED[error.sqlstate]] += 1
                if self.stopped.is_set():
                    return
            else:
                self.written[way] += 1
                # The XP of a COACH pair goes with the pair.
                self.xp += xp if specialization == "PLAYER" else 0
                return

    def send(self, statements: tuple[str, ...], parameters: dict[str, object]) -> int:
        """Run the statements in a transaction; return how many rows got 1 XP."""
        with self.connection.transaction() if len(statements) > 1 else nullcontext():
            done = [(text, self.connection.execute(text.encode(), parameters).rowcount) for text in statements]
        return sum(rows for text, rows in done if text in AWARDS)


def hostile(dsn: str, keys: int, seconds: float, legacy: bool, writers: int = WRITERS) -> list[str]:
    """Let three kinds of writers at the same keys; return what did not hold."""
    with psycopg.connect(dsn, autocommit=True, row_factory=tuple_row) as connection:
        xp = (
            "select coalesce(sum(total_xp), 0) from lockstep.specialization_progress where specialization_id = 'PLAYER'"
        )
        seen_before, xp_before = deadlocks(connection), number(connection, xp)
        raw_role, role = ("lockstep_legacy", "lockstep_app") if legacy else (None, None)
        kinds = (PROGRESS_WRITER, raw_role), (LICENSE_WRITER, raw_role), (CALLER, role)
        crew = [Writer(dsn, keys, seed, role, ways) for seed in range(writers // 3) for ways, role in kinds]
        for writer in crew:
            writer.start()
        started = time.monotonic()
        threading.Event().wait(seconds)
        # On a slow machine the time is not enough for every way.
        while _silent(crew) and time.monotonic() < started + seconds + DEADLINE and all(w.is_alive() for w in crew):
            threading.Event().wait(0.05)
        for writer in crew:
            writer.stopped.set()
        for writer in crew:
            writer.join()
        took = time.monotonic() - started

        errors = Counter(f"{type(writer.error).__name__}: {writer.error}" for writer in crew if writer.error)
        retried = sum((writer.retried for writer in crew), Counter[str]())
        written = sum((writer.written for writer in crew), Counter[str]())
        _wait_for_statistics(connection)
        seen = max(deadlocks(connection) - seen_before, retried["deadlock"])
        missing_xp = sum(writer.xp for writer in crew) - (number(connection, xp) - xp_before)
        problems = _state(connection, seen if legacy else 0)
    problems += [f"{count} writers ended with {text}" for text, count in errors.items()]
    if missing_xp:
        problems.append(f"{missing_xp} XP written and not there")
    if silent := _silent(crew):
        problems.append(f"nothing was written by {', '.join(silent)}")
    print(
        f"hostile as {'lockstep_legacy' if legacy else 'superuser'}: keys {keys}, writers {len(crew)},"
        f" transactions {written.total()}, {written.total() / took:.0f} a second, deadlocks {seen},"
        f" retried for a duplicate key {retried['duplicate key']}, for a serialization failure"
        f" {retried['serialization failure']}, desynced {desync_text(problems)}"
    )
    return problems


def _silent(crew: Sequence[Writer]) -> list[str]:
    """The ways in which nothing was written so far."""
    ways = dict.fromkeys(way for writer in crew for way in writer.ways)
    return [way for way in ways if not any(writer.written[way] for writer in crew)]


def desync_text(problems: Sequence[str]) -> str:
    """The figure for desync in a list of problems."""
    return next((problem.split()[0] for problem in problems if "desynced" in problem), "0")


def _wait_for_statistics(connection: Connection) -> None:
    """Return when the clients are gone: a backend hands in its statistics when it ends, at the latest."""
    left = clients_left(connection, connection.info.dbname)
    assert not left, left


# With the hook and without --------------------------------------------------------------------


def speed(dsn: str, pgbin: Path, seconds: int, writers: int = WRITERS) -> list[str]:
    """Print what the hook costs or gains; desync is the only failure."""
    problems = []
    for hook in (True, False):
        with nullcontext() if hook else _hook_gone(dsn), psycopg.connect(dsn, autocommit=True) as connection:
            before = deadlocks(connection)
            reports = _pgbench(
                [
                    _pgbench_command(
                        dsn, pgbin, writers // 3,
                        f"\\set pair random(1, {SPEED_KEYS})\n\\set level random(1, {LEVELS})\n{script}\n",
                        "-T", str(seconds),
                    )
                    for script in SPEED_SCRIPTS.values()
                ],
                [name.split()[0] for name in SPEED_SCRIPTS],
            )  # fmt: skip
            seen = deadlocks(connection) - before
            failed = sum(report.failed for report in reports)
            if desynced(connection):
                problems.append(f"{desynced(connection)} desynced pairs")
            if hook and (seen or failed):
                problems.append(f"{seen} deadlocks, {failed} failed calls")
        shares = zip(SPEED_SCRIPTS, reports, strict=True)
        print(
            f"speed {'with' if hook else 'without'} the hook: writers {writers}, keys {SPEED_KEYS},"
            f" {sum(report.tps for report in reports):.0f} a second"
            f" ({', '.join(f'{name.split()[1]} {report.tps:.0f}' for name, report in shares)}),"
            f" deadlocks {seen}"
        )
    return problems


@contextmanager
def _hook_gone(dsn: str) -> Iterator[None]:
    """For a while, an update policy that locks nothing."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        alter = "alter policy license_update on lockstep.user_licenses using ({})"
        connection.execute(alter.format("true").encode())
        yield
        hook = "lockstep.lock_progress_first(user_id, specialization_type)"
        connection.execute(alter.format(hook).encode())


# pgbench --------------------------------------------------------------------------------------


class Report:
    """The figures that pgbench printed at the end."""

    def __init__(self, text: str) -> None:
        self.calls = self._figure(r"number of transactions actually processed: (\d+)", text)
        self.failed = self._figure(r"number of failed transactions: (\d+)", text)
        self.tps = self._figure(r"tps = (\d+)", text)

    @staticmethod
    def _figure(pattern: str, text: str) -> int:
        found = re.search(pattern, text)
        assert found, text
        return int(found[1])


def _pgbench_command(dsn: str, pgbin: Path, clients: int, script: str, *options: str) -> tuple[list[str], str]:
    command = [
        str(pgbin / "pgbench"), "--no-vacuum", "--protocol=prepared", "--file=-",
        f"--client={clients}", f"--jobs={min(2, clients)}", *options, dsn,
    ]  # fmt: skip
    return command, script


def _pgbench(commands: list[tuple[list[str], str]], roles: list[str]) -> list[Report]:
    """Run them at the same time, each as a role; an error that is no deadlock is an error here."""
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for place, ((command, script), role) in enumerate(zip(commands, roles, strict=True)):
            file = Path(folder) / f"{place}.sql"
            file.write_text(script)
            running.append(
                subprocess.Popen(
                    [f"--file={file}" if part == "--file=-" else part for part in command],
                    env={**os.environ, "PGOPTIONS": f"-c role={role}", "LC_ALL": "C"},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        texts = [process.communicate()[0] for process in running]
    for process, text in zip(running, texts, strict=True):
        if process.returncode != 0:
            raise AssertionError(f"pgbench ended with {process.returncode}:\n{text}")
    return [Report(text) for text in texts]


def main() -> int:
    """Run everything; return 1 if something did not hold."""
    parser = argparse.ArgumentParser(description="Deadlock runs on a server of their own.")
    parser.add_argument("--calls", type=int, default=1_000_000, help="function calls on hot pairs; 0: none")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=50, help="hot pairs")
    parser.add_argument("--seconds", type=int, default=30, help="of each hostile and each speed run")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with scratch_server(folder_for_servers(), SERVER_SETTINGS) as server:
        dsn = build(server, max(*KEYS, given.pairs))
        runs: list[Callable[[], list[str]]] = [
            *([partial(hot, dsn, server.pgbin, given.calls, given.clients, given.pairs)] if given.calls else []),
            *(partial(hostile, dsn, keys, given.seconds, legacy) for legacy in (True, False) for keys in KEYS),
            partial(speed, dsn, server.pgbin, given.seconds),
        ]
        problems = []
        for run in runs:
            problems += run()
            sys.stdout.flush()
    for problem in problems:
        print(f"FAILED: {problem}")
    print("deadlock runs:", "failed" if problems else "everything held")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
