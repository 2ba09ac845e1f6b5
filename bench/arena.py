"""Where measurements are made: a server and a database of their own, pgbench, and turns side by side.

The machine may be busy with other things, so a figure alone says little. What is compared runs in turn,
A B A B …, in slices of a second or two; each round gives a ratio of its own, and the median of these is
the result. The server's CPU time comes from the times of the postmaster's ended children, which are
pgbench's sessions, so it does not count what the clients or other programs took.
"""

import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.postgres import DATABASE, Server
from tests.torture.scratch import build, number, scratch_server

Connection = psycopg.Connection[Any]
Row = dict[str, Any]

SQL = Path(__file__).parent / "sql"

# A server as one has it in production, as far as durability goes: fsync, full_page_writes and
# synchronous_commit stay on. Vacuum runs between the rounds, never in the middle of one.
SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}

# A login role for pools, which takes no `set role`; it may do what lockstep_app may.
LOGIN, PASSWORD = "lockstep_bench", "bench"

# Users are visited in this stride, so that neighbours in time are no neighbours on a page, and each
# visit sets another level than the one before.
VISIT = """
\\set n :n + 1
\\set k :n * :clients + :client_id
\\set user 1 + (:k * 7919) % :pairs
\\set level 1 + (:turn + :k / :pairs) % 8
"""


@dataclass(frozen=True)
class Sample:
    """One slice of one contestant: calls a second, and the server's CPU microseconds a call."""

    rate: float
    cpu: float = 0.0


Contestant = Callable[[int], Sample]


@dataclass(frozen=True)
class Comparison:
    """Both sides' samples, a pair a round."""

    ours: list[Sample]
    floor: list[Sample]

    @property
    def rate(self) -> tuple[float, float]:
        """The medians of the calls a second: ours, the floor's."""
        return statistics.median(one.rate for one in self.ours), statistics.median(one.rate for one in self.floor)

    @property
    def cpu(self) -> tuple[float, float]:
        """The medians of the CPU microseconds a call: ours, the floor's."""
        return statistics.median(one.cpu for one in self.ours), statistics.median(one.cpu for one in self.floor)

    @property
    def ratios(self) -> list[float]:
        """Calls a second, ours to the floor's, round by round."""
        return [ours.rate / floor.rate for ours, floor in zip(self.ours, self.floor, strict=True)]

    @property
    def spread(self) -> float:
        """(highest - lowest) / median of the ratios."""
        return (max(self.ratios) - min(self.ratios)) / statistics.median(self.ratios)


@dataclass
class Arena:
    """A server, its database, and how long things are measured."""

    server: Server
    dsn: str
    pairs: int
    seconds: int
    rounds: int
    turn: int = 0

    def connect(self, dsn: str | None = None) -> Connection:
        """Open a session in autocommit, as the superuser unless the DSN says otherwise."""
        return psycopg.connect(dsn or self.dsn, autocommit=True)

    @property
    def socket(self) -> str:
        """The DSN through the unix socket, or over TCP where the path is too long for one."""
        process = self.server.postmaster()
        has_socket = process is not None and process.socket_directory is not None
        return self.server.dsn_for(DATABASE, unix_socket=True) if has_socket else self.dsn

    def compare(self, ours: Contestant, floor: Contestant) -> Comparison:
        """Let both run in turn; a first round warms up and does not count."""
        taken = Comparison([], [])
        for turn in range(self.rounds + 1):
            self.turn += 1
            # Who goes first changes every round.
            for mine in (True, False) if turn % 2 else (False, True):
                sample = (ours if mine else floor)(self.turn)
                if turn:
                    (taken.ours if mine else taken.floor).append(sample)
            self.vacuum()
        return taken

    def vacuum(self) -> None:
        """Clear away what the round left behind."""
        with self.connect() as connection:
            connection.execute("set client_min_messages = error")
            connection.execute("vacuum")

    def pgbench(self, script: str, clients: int = 1, role: str | None = None, **options: Any) -> Contestant:
        """Return a contestant: pgbench with this script, as this role, through the unix socket."""

        def run(turn: int) -> Sample:
            with self.pgbench_started([(script, clients, role)], turn, **options) as finish:
                return finish()

        return run

    @contextmanager
    def pgbench_started(
        self,
        scripts: Sequence[tuple[str, int, str | None]],
        turn: int,
        dsn: str | None = None,
        mode: str = "prepared",
        pairs: int | None = None,
        log: Path | None = None,
    ) -> Iterator[Callable[[], Sample]]:
        """Start one pgbench a script (text, clients, role); what is yielded waits for all and adds up.

        Raises RuntimeError when one of them fails, or a single call does.
        """
        before, others = self.children_cpu(), self.children()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            started = []
            for place, (script, clients, role) in enumerate(scripts):
                path = folder / f"{place}.sql"
                path.write_text(VISIT + script, "utf-8")
                values = {"n": 0, "turn": turn, "clients": clients, "pairs": pairs or self.pairs}
                command: list[str | Path] = [self.server.pgbin / "pgbench", "--no-vacuum", f"--protocol={mode}"]
                command += [
                    f"--client={clients}",
                    f"--jobs={min(clients, 2)}",
                    f"--time={self.seconds}",
                    f"--file={path}",
                ]
                command += [f"--define={name}={value}" for name, value in values.items()]
                command += ["--log", f"--log-prefix={log}"] if log else []
                started.append(
                    subprocess.Popen(
                        command,
                        env=environment(dsn or self.socket, role),
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        text=True,
                        preexec_fn=many_files,
                    )
                )

            def finish() -> Sample:
                reports = [process.communicate() for process in started]
                for process, (said, problem) in zip(started, reports, strict=True):
                    failed = re.search(r"failed transactions: ([1-9]\d*)", said)
                    if process.returncode or failed:
                        raise RuntimeError(f"pgbench failed:\n{said}{problem[-2000:]}")
                calls = sum(int(found(r"actually processed: (\d+)", said)) for said, _ in reports)
                rate = sum(float(found(r"tps = ([\d.]+)", said)) for said, _ in reports)
                # A pooler keeps its sessions; ours end, and count, when the server comes to it.
                while dsn is None and self.children() - others:
                    time.sleep(0.01)
                return Sample(rate, (self.children_cpu(settle=True) - before) / calls * 1e6)

            try:
                yield finish
            finally:
                for process in started:
                    if process.poll() is None:
                        process.kill()
                        process.wait()

    def children(self) -> set[int]:
        """The process numbers of the postmaster's children, ended ones too until it has looked at them."""
        process = self.server.postmaster()
        assert process is not None
        return set(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()))

    def children_cpu(self, settle: bool = False) -> float:
        """Seconds of CPU that the postmaster's ended children took; settle: once all have ended."""
        process = self.server.postmaster()
        assert process is not None
        seen = -1.0
        while True:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            taken = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
            if not settle or taken == seen:
                return taken
            seen = taken
            time.sleep(0.1)

    def count(self, query: str) -> int:
        """The only value of the only row."""
        with self.connect() as connection:
            return number(connection, query)

    def deadlocks(self) -> int:
        """How many deadlocks the server has counted, once the sessions of a slice are gone."""
        return self.count("select deadlocks from pg_stat_database where datname = current_database()")

    def desyncs(self) -> int:
        """How many pairs are out of step."""
        return self.count("select count(*) from lockstep.desync")


def found(pattern: str, text: str) -> str:
    """What the only group of a pattern matched; the pattern has to match."""
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def many_files() -> None:
    """Let a program that is about to start open as many files as it may: a thousand clients do."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def environment(dsn: str, role: str | None = None) -> dict[str, str]:
    """Return what tells libpq where to connect, and as which role to work."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    parts = cast(Mapping[str, str], conninfo_to_dict(dsn))
    values = {names[part]: value for part, value in parts.items() if part in names}
    return {**os.environ, **values, **({"PGOPTIONS": f"-c role={role}"} if role else {})}


def result(
    name: str, unit: str, ours: float, floor: float, ratio: float, target: float | None, *, at_most: bool = False
) -> Row:
    """One line of the results. The target is of the ratio; None: no target was set."""
    ok = target is None or (ratio <= target if at_most else ratio >= target)
    return {
        "name": name,
        "unit": unit,
        "ours": round(ours, 4),
        "floor": round(floor, 4),
        "ratio": round(ratio, 3),
        "target": target,
        "ok": ok,
    }


def rates(name: str, taken: Comparison, target: float | None, unit: str = "calls a second") -> Row:
    """The line of a comparison by calls a second: the median of the rounds' ratios."""
    return result(name, unit, *taken.rate, statistics.median(taken.ratios), target)


def costs(name: str, taken: Comparison) -> Row:
    """The line of a comparison by the server's CPU time a call; no target."""
    ours, floor = taken.cpu
    return result(name, "µs of server CPU a call", ours, floor, ours / floor, None, at_most=True)


def count_of(name: str, unit: str, ours: float, most: float) -> Row:
    """A line that counts something which may not exceed a figure; there is no floor to it."""
    return {
        "name": name,
        "unit": unit,
        "ours": round(ours, 3),
        "floor": None,
        "ratio": None,
        "target": most,
        "ok": ours <= most,
    }


def fill(connection: Connection, users: int) -> None:
    """Give every user a pair at level 1, as a school that begins; the mirror makes the license."""
    connection.execute(
        "insert into lockstep.specialization_progress (student_id, specialization_id)"
        " select n, 'PLAYER' from generate_series(1, %s) as n",
        [users],
    )


def build_floors(connection: Connection) -> None:
    """Make the schemas `floor` and `bare`; see bench/sql/floor.sql."""
    floor = (SQL / "floor.sql").read_text("utf-8")
    connection.execute(floor.encode())
    connection.execute((SQL / "floor-keys.sql").read_text("utf-8").encode())
    connection.execute(floor.replace("floor.", "bare.").replace("schema floor", "schema bare").encode())
    for table in ("specialization_progress", "user_licenses", "license_progressions"):
        checks = connection.execute(
            "select conname from pg_constraint where conrelid = %s::regclass and contype = 'c'", [f"bare.{table}"]
        )
        for (check,) in checks.fetchall():
            connection.execute(f'alter table bare.{table} drop constraint "{check}"'.encode())


def add_login(connection: Connection) -> None:
    """Make the login role of the pools; it may do what lockstep_app may, and write the floor's tables."""
    connection.execute(f"create role {LOGIN} login password '{PASSWORD}' in role lockstep_app".encode())
    connection.execute(f"grant usage on schema floor to {LOGIN}".encode())
    connection.execute(f"grant select, insert, update on all tables in schema floor to {LOGIN}".encode())


@contextmanager
def arena(folder: Path, pairs: int, seconds: int, rounds: int, settings: Mapping[str, str]) -> Iterator[Arena]:
    """A server in a new folder, its database with so many pairs and the floors; all gone in the end."""
    with scratch_server(folder, {**SETTINGS, **settings}) as server:
        dsn = build(server, pairs)
        with psycopg.connect(dsn, autocommit=True) as connection:
            fill(connection, pairs)
            build_floors(connection)
            add_login(connection)
            connection.execute("set client_min_messages = error")
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        yield Arena(server, dsn, pairs, seconds, rounds)
