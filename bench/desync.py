"""What it costs to find desync in a large database, beside the cheapest way to read it at all.

    python -m bench.desync --pairs 1000000 10000000

On a server of its own (fsync off, everything else as PostgreSQL has it, work_mem too) it makes so many
pairs, a few of them out of step, and measures in turn, round after round:

    floor   one sequential scan of each table: select sum(current_level)
    join    a plain full join of the two, counting the pairs at different levels
    count   select count(*) from lockstep.desync
    rows    select * from lockstep.desync: users and recommended_action() come in
    ranges  verify_next_range() until every range is verified: the sum, and the longest statement

A figure is the median of the rounds, its spread is (longest - shortest) / median. The machine counts
for little in a ratio: `ratio` is ours to the floor. Prints the table and the view's plan; `make bench` measures
the same, and keeps the figures.
"""

import argparse
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from tabulate import tabulate

from tests.pairs import rules_off
from tests.torture.scratch import build, number, scratch_server

Connection = psycopg.Connection[Any]
Row = dict[str, Any]

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    # It would vacuum in the middle of a measurement; _fill() does it instead.
    "autovacuum": "off",
}

# Times the floor: the view, and no more than this from one size to ten times it, a pair.
TARGET = 3.0
GROWTH_TARGET = 1.5
# Seconds: no statement of a scan by ranges may take longer.
STATEMENT_TARGET = 1.0

# One pair in so many is out of step.
DESYNC_EVERY = 10_000

# Two specializations a user, added to what is there.
USERS = """
insert into lockstep.users (id, email, name)
select n, format('student%%s@example.org', n), format('Student %%s', n)
from generate_series(%(first)s::bigint, %(last)s) as n
"""
PROGRESS = """
insert into lockstep.specialization_progress (
    student_id, specialization_id, current_level, total_xp, completed_sessions, last_activity
)
select n, specialization.id, 1 + mod(n, 8), 1000 * mod(n, 250), mod(n, 40), now()
from generate_series(%(first)s::bigint, %(last)s) as n
cross join (values ('COACH'), ('PLAYER')) as specialization (id)
"""
LICENSES = """
insert into lockstep.user_licenses (
    user_id, specialization_type, current_level, max_achieved_level, last_advanced_at
)
select
    n,
    specialization.id,
    case when mod(n, %(every)s) = 1 and specialization.id = 'COACH' then 1 + mod(n + 1, 8) else 1 + mod(n, 8) end,
    8,
    now()
from generate_series(%(first)s::bigint, %(last)s) as n
cross join (values ('COACH'), ('PLAYER')) as specialization (id)
"""
VACUUM = "vacuum (analyze) lockstep.users, lockstep.specialization_progress, lockstep.user_licenses"

FLOOR = (
    "select sum(current_level) from lockstep.specialization_progress",
    "select sum(current_level) from lockstep.user_licenses",
)
JOIN = """
select count(*) filter (where progress.current_level is distinct from license.current_level)
from lockstep.specialization_progress as progress
full join lockstep.user_licenses as license
    on license.user_id = progress.student_id
    and license.specialization_type = progress.specialization_id
"""
COUNT = "select count(*) from lockstep.desync"
ROWS = "select * from lockstep.desync"
RANGE = "select first_user_id from lockstep.verify_next_range(%s)"


@dataclass
class Figures:
    """The seconds of each thing measured, a figure a round, at one size."""

    pairs: int
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    plan: str = ""

    def median(self, name: str) -> float:
        """The median of the rounds, in seconds."""
        return statistics.median(self.seconds[name])

    def spread(self, name: str) -> float:
        """(longest - shortest) / median."""
        return (max(self.seconds[name]) - min(self.seconds[name])) / self.median(name)

    def rows(self) -> Iterator[Row]:
        """What goes into the results."""
        floor = self.median("floor")
        for name, what, target in (
            ("count", "count of the desync view", TARGET),
            ("rows", "rows of the desync view", TARGET),
            ("join", "plain full join", None),
            ("ranges", "scan by ranges", None),
        ):
            yield result(f"{what}, {self.pairs:,} pairs", "s", self.median(name), floor, target)
        longest = self.median("longest")
        yield {
            **result(f"longest statement of a scan by ranges, {self.pairs:,} pairs", "s", longest, floor, None),
            "target": STATEMENT_TARGET,
            "ok": longest <= STATEMENT_TARGET,
        }


def result(name: str, unit: str, ours: float, floor: float, target: float | None) -> Row:
    """One line of the results; the target is of the ratio, None where there is none."""
    ratio = ours / floor
    return {
        "name": name,
        "unit": unit,
        "ours": round(ours, 4),
        "floor": round(floor, 4),
        "ratio": round(ratio, 2),
        "target": target,
        "ok": target is None or ratio <= target,
    }


def growth(small: Figures, large: Figures) -> Iterator[Row]:
    """Seconds for a million pairs at the large size, beside those at the small one."""
    for name, what in (("count", "count of the desync view"), ("ranges", "scan by ranges")):
        ours, floor = (one.median(name) / one.pairs * 1_000_000 for one in (large, small))
        title = f"growth, {what}, {small.pairs:,} to {large.pairs:,} pairs"
        yield result(title, "s a million pairs", ours, floor, GROWTH_TARGET)


def measure(connection: Connection, pairs: int, rounds: int) -> Figures:
    """Measure everything in turn, round after round."""
    figures = Figures(pairs)
    connection.execute("select lockstep.cover_users()")
    for _ in range(rounds):
        taken = {
            "floor": _floor(connection),
            "join": _timed(connection, JOIN),
            "count": _timed(connection, COUNT),
            "rows": _timed(connection, ROWS),
        }
        taken["ranges"], taken["longest"] = _ranges(connection)
        for name, seconds in taken.items():
            figures.seconds[name].append(seconds)
    for query in (COUNT, ROWS):
        lines = connection.execute(f"explain (analyze, buffers, costs off) {query}".encode()).fetchall()
        figures.plan += "\n".join([f"{query}:", *(f"  {line}" for (line,) in lines), ""])
    return figures


def _floor(connection: Connection) -> float:
    """Both tables, read from the first page to the last: not from an index that has the column as well."""
    with connection.transaction():
        connection.execute("set local enable_indexonlyscan = off")
        connection.execute("set local enable_indexscan = off")
        return sum(_timed(connection, query) for query in FLOOR)


def _timed(connection: Connection, query: str) -> float:
    started = time.perf_counter()
    connection.execute(query.encode()).fetchall()
    return time.perf_counter() - started


def _ranges(connection: Connection) -> tuple[float, float]:
    """Verify every range: seconds of all calls, and of the longest."""
    row = connection.execute("select clock_timestamp()").fetchone()
    calls = []
    while True:
        started = time.perf_counter()
        found = connection.execute(RANGE, row).fetchone()
        calls.append(time.perf_counter() - started)
        if found is None or found[0] is None:
            return sum(calls), max(calls)


def fill(connection: Connection, pairs: int) -> None:
    """Add users and pairs until there are so many, set by set, with every rule off."""
    first = number(connection, "select coalesce(max(id), 0) + 1 from lockstep.users")
    values = {"first": first, "last": pairs // 2, "every": DESYNC_EVERY // 2}
    connection.execute(USERS, values)
    with rules_off(connection):
        connection.execute(PROGRESS, values)
        connection.execute(LICENSES, values)
    connection.execute(VACUUM)


def _table(figures: Figures) -> str:
    floor = figures.median("floor")
    lines = [
        [name, figures.median(name), f"{figures.spread(name):.0%}", figures.median(name) / floor]
        for name in ("floor", "join", "count", "rows", "ranges", "longest")
    ]
    return str(tabulate(lines, [f"{figures.pairs:,} pairs", "seconds", "spread", "times the floor"], floatfmt=".3f"))


def bench(dsn: str, sizes: list[int], rounds: int, say: Callable[[str], None]) -> Iterator[list[Row]]:
    """Fill and measure, one size after the other in a database without users; the results so far after each."""
    rows: list[Row] = []
    smaller: Figures | None = None
    with psycopg.connect(dsn, autocommit=True) as connection:
        for pairs in sorted(sizes):
            started = time.monotonic()
            fill(connection, pairs)
            size = number(connection, "select pg_database_size(current_database())")
            say(f"{pairs:,} pairs made in {time.monotonic() - started:.0f} s, the database has {size / 2**20:,.0f} MB")
            figures = measure(connection, pairs, rounds)
            say(f"{_table(figures)}\n\n{figures.plan}")
            rows += figures.rows()
            rows += growth(smaller, figures) if smaller else []
            smaller = figures
            yield rows


def main() -> int:
    """Run it; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="The cost of finding desync, on a server of its own.")
    parser.add_argument("--pairs", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="for the data: 9 GB, and 0.6 GB a million pairs",
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    free = shutil.disk_usage(given.folder).free
    # The database, and the WAL that max_wal_size allows.
    if free < max(given.pairs) * 600 + 9 * 2**30:
        raise SystemExit(f"{given.folder} has {free / 2**30:.0f} GB free, too little for {max(given.pairs):,} pairs")
    settings = dict(setting.split("=", 1) for setting in given.set)
    with scratch_server(given.folder, {**SETTINGS, **settings}) as server:
        *_, rows = bench(build(server, 0), given.pairs, given.rounds, lambda text: print(text, flush=True))
    print(tabulate(rows, headers="keys", missingval="-"))
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
