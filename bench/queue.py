"""What a batch and the queue cost, beside the same writes as plain set-based SQL, and beside one call at a time.

On a server of its own, on disk, as PostgreSQL has it (fsync on), in turn:

    floor       UPDATE … FROM of both tables and the INSERT into the history, from a table that says what to
                write, on Lockstep's own tables with every key on them, as the functions' own role
    bare        the same on copies of the tables with their indexes, without any foreign key or trigger
    singly      one call a transaction, over one connection, prepared
    batch       update_levels() or level_ups() with all items
    drain       drain_level_ups() until the queue is empty
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg

from bench.arena import Row

Connection = psycopg.Connection[Any]

TABLES = ("specialization_progress", "user_licenses", "license_progressions")

# Least shares of the floor's throughput, and times the throughput of single calls.
BATCH_TARGET = 0.5
BATCH_TIMES = 20.0
DRAIN_TIMES = 10.0

SETUP = """
create schema floor;
create table floor.items as
select n as user_id, 'PLAYER'::text as specialization_id, 1 as from_level, 2 as to_level, 2500 as xp
from generate_series(1::bigint, {items}) as n;
"""
UPDATE_PROGRESS = """
update {schema}.specialization_progress as progress
set current_level = item.to_level,
    total_xp = progress.total_xp + item.xp,
    completed_sessions = progress.completed_sessions + 2,
    last_activity = now(),
    updated_at = now()
from floor.items as item
where progress.student_id = item.user_id
    and progress.specialization_id = item.specialization_id
"""
UPDATE_LICENSES = """
update {schema}.user_licenses as license
set current_level = item.to_level,
    max_achieved_level = greatest(license.max_achieved_level, item.to_level),
    last_advanced_at = now(),
    updated_at = now()
from floor.items as item
where license.user_id = item.user_id
    and license.specialization_type = item.specialization_id
"""
INSERT_HISTORY = """
insert into {schema}.license_progressions (
    user_id, user_license_id, from_level, to_level, advancement_reason, route
)
select license.user_id, license.id, item.from_level, item.to_level, 'why', 'function'
from floor.items as item
inner join {schema}.user_licenses as license
    on license.user_id = item.user_id
    and license.specialization_type = item.specialization_id
"""
FLOOR = (UPDATE_PROGRESS, UPDATE_LICENSES, INSERT_HISTORY)
ITEMS = """
array(
    select row(1 + mod(n, {pairs}), 'PLAYER', {level}, 2500, 2, 0, 0, 0, null, 'why', null)::lockstep.batch_item
    from generate_series(0, {items} - 1) as n
)
"""
COPY = "insert into floor.{table} select * from lockstep.{table}"
NEXT_LEVEL = "update floor.items set from_level = to_level, to_level = {level}"
BATCH = "select count(*) from lockstep.{function}({array})"
RESET = "update lockstep.specialization_progress set total_xp = 0, completed_sessions = 0"
UPDATE_LEVEL = b"select * from lockstep.update_level(%s, 'PLAYER', %s, 2500, 2, 0, 0, 0, null, 'why')"
LEVEL_UP = b"select * from lockstep.level_up(%s, 'PLAYER', 2500, 2, 0, 0, 0, null, 'why')"
ENQUEUE = """
select count(lockstep.enqueue_level_up(1 + mod(n, {pairs}), 'PLAYER', 2500, 2, p_reason => 'why'))
from generate_series(0, {items} - 1) as n
"""


class Size(NamedTuple):
    """How much is measured: items of a batch, pairs of the queue and of a batch of awards, rounds, single calls."""

    items: int
    pairs: int
    rounds: int
    singles: int


FULL = Size(items=100_000, pairs=10_000, rounds=3, singles=2_000)
QUICK = Size(items=5_000, pairs=500, rounds=1, singles=500)


def rows(dsn: str, size: Size) -> list[Row]:
    """Measure on an installed database with users 1 to `items` and no pairs; return a line a figure."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        bench = _Bench(connection, size)
        bench.prepare()
        figures = [bench.round(number) for number in range(size.rounds)]
    items, pairs, *_ = size
    of = {name: statistics.median(figure[name] for figure in figures) for name in figures[0]}
    return [
        _row(f"batch of {items:,} level changes, of the set-based floor", of["batch"], of["floor"], BATCH_TARGET),
        _row("the same, of bare copies without keys (no target)", of["batch"], of["bare"], None),
        _row(f"batch of {items:,} level changes, times single calls", of["batch"], of["singly"], BATCH_TIMES),
        _row(
            f"batch of {items:,} awards for {pairs:,} pairs, a level change each, times single calls",
            of["awards"],
            of["awards singly"],
            BATCH_TIMES,
        ),
        _row(
            f"queue of {items:,} for {pairs:,} pairs drained, a level change each, times single calls",
            of["drain"],
            of["awards singly"],
            DRAIN_TIMES,
        ),
    ]


def _row(name: str, ours: float, floor: float, target: float | None) -> Row:
    ratio = ours / floor
    return {
        "name": name,
        "unit": "a second",
        "ours": round(ours),
        "floor": round(floor),
        "ratio": round(ratio, 2),
        "target": target,
        "ok": target is None or ratio >= target,
    }


class _Bench:
    """One database, and how to measure in it; every figure is items a second."""

    def __init__(self, connection: Connection, size: Size) -> None:
        self.connection = connection
        self.items, self.pairs, _, self.singles = size

    def prepare(self) -> None:
        self.run(SETUP.format(items=self.items))
        self.batch("level_ups", "null", self.items)
        for table in TABLES:
            self.run(f"create table floor.{table} (like lockstep.{table} including all)")
            self.run(COPY.format(table=table))
        self.run("grant usage on schema floor to lockstep_coupler; grant select on floor.items to lockstep_coupler")

    def round(self, number: int) -> dict[str, float]:
        """Each way once, one after the other; levels go up by one each time."""
        figures = {"bare": self.floor("floor", 2 + number % 7)}
        figures["floor"] = self.floor("lockstep", 2, "lockstep_coupler")
        figures["batch"] = self.batch("update_levels", "3", self.items)
        figures["singly"] = self.singly(UPDATE_LEVEL, 4)
        self.batch("update_levels", "1", self.items)
        self.run(RESET)
        # Ten of them take a pair to the next level.
        figures["awards"] = self.batch("level_ups", "null", self.pairs)
        figures["awards singly"] = self.singly(LEVEL_UP)
        self.run(ENQUEUE.format(items=self.items, pairs=self.pairs))
        self.vacuum()
        figures["drain"] = self.timed(self.items, self.drain)
        return figures

    def floor(self, schema: str, level: int, role: str | None = None) -> float:
        self.run(NEXT_LEVEL.format(level=level))
        self.vacuum()

        def write() -> None:
            with self.connection.transaction():
                if role:
                    self.run(f"set local role {role}")
                for statement in FLOOR:
                    self.run(statement.format(schema=schema))

        return self.timed(self.items, write)

    def array(self, level: str, pairs: int) -> str:
        return ITEMS.format(items=self.items, pairs=pairs, level=level)

    def batch(self, function: str, level: str, pairs: int) -> float:
        self.vacuum()
        query = BATCH.format(function=function, array=self.array(level, pairs))
        return self.timed(self.items, lambda: self.run(query))

    def singly(self, query: bytes, *arguments: object) -> float:
        def call() -> None:
            for user in range(1, self.singles + 1):
                self.connection.execute(query, [user, *arguments], prepare=True)

        return self.timed(self.singles, call)

    def drain(self) -> None:
        while self.connection.execute("select applied from lockstep.drain_level_ups()").fetchone() != (0,):
            pass

    def timed(self, count: int, work: Callable[[], Any]) -> float:
        started = time.perf_counter()
        work()
        return count / (time.perf_counter() - started)

    def vacuum(self) -> None:
        self.run("vacuum (analyze)")

    def run(self, statement: str) -> None:
        self.connection.execute(statement.encode())
