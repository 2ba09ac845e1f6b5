"""The rows of the table, each measured beside its floor: what runs against what, and the target."""

import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench import desync, queue
from bench.arena import LOGIN, PASSWORD, SETTINGS, Arena, Contestant, Row, Sample, costs, count_of, rates, result
from bench.client_side import lockstep_callers, rate, sqlalchemy_callers
from bench.pooler import pooler, program
from bench.proxy import delaying_proxy
from tests.torture.scratch import build, scratch_server

APP, LEGACY = "lockstep_app", "lockstep_legacy"
THREADS = 8
HOT_PAIRS = 20
HOT_USERS = 100
POOL = 20

CHANGE = "select lockstep.update_level(:user, 'PLAYER', :level, 10);\n"
CHANGE_FLOOR = "select {}.change_level(:user, 'PLAYER', :level, 10);\n"
AWARD = "select lockstep.level_up(:user, 'PLAYER', 1);\n"
AWARD_FLOOR = """
update floor.specialization_progress
set total_xp = total_xp + 1, completed_sessions = completed_sessions + 0, completed_projects = completed_projects + 0,
theory_hours_completed = theory_hours_completed + 0, practice_hours_completed = practice_hours_completed + 0,
last_activity = clock_timestamp(), updated_at = clock_timestamp()
where student_id = :user and specialization_id = 'PLAYER'
returning current_level, total_xp, completed_sessions;
"""
CLIENT_SIDE = """
begin;
select current_level as held_level, total_xp as held_xp from {0}.specialization_progress
where student_id = :user and specialization_id = 'PLAYER' for update \\gset
select id as license_id, current_level as license_level from {0}.user_licenses
where user_id = :user and specialization_type = 'PLAYER' for update \\gset
update {0}.specialization_progress
set current_level = :level, total_xp = :held_xp + 10, last_activity = now(), updated_at = now()
where student_id = :user and specialization_id = 'PLAYER';
update {0}.user_licenses set current_level = :level, max_achieved_level = greatest(max_achieved_level, :level),
last_advanced_at = now(), updated_at = now() where user_id = :user and specialization_type = 'PLAYER';
insert into {0}.license_progressions (user_id, user_license_id, from_level, to_level, advancement_reason, route)
values (:user, :license_id, :license_level, :level, 'level up', 'client');
commit;
"""
# Four clients each.
WRITERS = [
    (
        "update lockstep.specialization_progress set current_level = :level"
        " where student_id = :user and specialization_id = 'PLAYER';",
        LEGACY,
    ),
    (
        "update lockstep.user_licenses set current_level = :level"
        " where user_id = :user and specialization_type = 'PLAYER';",
        LEGACY,
    ),
    ("select lockstep.update_level(:user, 'PLAYER', :level);", APP),
]


def change(arena: Arena) -> Iterator[Row]:
    """A level change, every guarantee on, beside three bare writes in a function."""
    ours, floor = arena.pgbench(CHANGE, role=APP), arena.pgbench(CHANGE_FLOOR.format("floor"))
    taken = arena.compare(ours, floor)
    yield rates("level change", taken, 0.85)
    yield costs("level change, server CPU", taken)
    many = arena.compare(arena.pgbench(CHANGE, THREADS, APP), arena.pgbench(CHANGE_FLOOR.format("floor"), THREADS))
    yield rates("level change, 8 clients", many, None)
    bare = arena.compare(ours, arena.pgbench(CHANGE_FLOOR.format("bare")))
    yield rates("level change, floor without any check or key", bare, None)
    yield costs("level change, server CPU, floor without any check or key", bare)


def award(arena: Arena) -> Iterator[Row]:
    """XP that reaches no level, beside one prepared UPDATE of the progress row."""
    before = arena.count("select count(*) from lockstep.license_progressions")
    taken = arena.compare(arena.pgbench(AWARD, role=APP), arena.pgbench(AWARD_FLOOR))
    changed = arena.count("select count(*) from lockstep.license_progressions") - before
    assert changed == 0, f"{changed} awards reached a level"
    yield rates("XP that changes no level", taken, 0.90)
    yield costs("XP that changes no level, server CPU", taken)


def client_side_sql(arena: Arena) -> Iterator[Row]:
    """A level change beside the client-side way in SQL, both through the unix socket."""
    name = "against the client-side way in SQL"
    taken = arena.compare(arena.pgbench(CHANGE, role=APP), arena.pgbench(CLIENT_SIDE.format("floor")))
    yield rates(name, taken, 3.5)
    yield costs(f"{name}, server CPU", taken)
    hot = f"\\set user random(1, {HOT_PAIRS})\n\\set level random(1, 8)\n"
    taken = arena.compare(
        arena.pgbench(hot + CHANGE, THREADS, APP), arena.pgbench(hot + CLIENT_SIDE.format("floor"), THREADS)
    )
    yield rates(f"{name}, 8 clients on {HOT_PAIRS} pairs", taken, None)
    taken = arena.compare(arena.pgbench(CHANGE, role=APP), arena.pgbench(CLIENT_SIDE.format("lockstep"), role=LEGACY))
    yield rates(f"{name}, on Lockstep's own tables", taken, None)


def python(arena: Arena) -> Iterator[Row]:
    """The Python client beside SQLAlchemy, 8 threads; then both a millisecond away."""
    taken, _ = _threads(arena, arena.dsn)
    yield {**taken, "name": "from Python, 8 threads, against SQLAlchemy", "target": 15.0, "ok": taken["ratio"] >= 15}
    parts = urlsplit(arena.dsn)
    assert parts.hostname is not None
    assert parts.port is not None
    with delaying_proxy(parts.hostname, parts.port, 1.0) as port:
        far = arena.dsn.replace(f":{parts.port}/", f":{port}/")
        taken, held = _threads(arena, far)
        name = "from Python, 8 threads, 1 ms of network, against SQLAlchemy"
        yield {**taken, "name": name, "target": 5.0, "ok": taken["ratio"] >= 5}
        ours = _held(far, arena)
    row = result("locks held, 1 ms of network, median", "ms", ours, held * 1e3, ours / held / 1e3, None)
    yield {**row, "target": 2.0, "ok": ours < 2}


def _threads(arena: Arena, dsn: str) -> tuple[Row, float]:
    """Compare by threads; return the line, and the median seconds that SQLAlchemy's calls held locks."""
    held: list[float] = []
    # Both log in as lockstep_bench; the floor's tables are the superuser's, who logs in for it.
    ours_dsn = dsn.replace(urlsplit(dsn).netloc.rpartition("@")[0], f"{LOGIN}:{PASSWORD}", 1)

    with lockstep_callers(ours_dsn) as mine, sqlalchemy_callers(dsn, THREADS) as theirs:

        def ours(turn: int) -> Sample:
            return Sample(rate(mine, THREADS, arena.seconds, arena.pairs, turn)[0])

        def floor(turn: int) -> Sample:
            calls, seconds = rate(theirs, THREADS, arena.seconds, arena.pairs, turn)
            held.extend(seconds)
            return Sample(calls)

        taken = arena.compare(ours, floor)
    return rates("", taken, None), statistics.median(held)


def _held(dsn: str, arena: Arena) -> float:
    """Milliseconds that our call can hold locks at most: the call less an empty one on the same way."""
    with arena.connect(dsn) as connection, lockstep_callers(dsn) as mine:
        call = mine()
        calls, empty = [], []
        for visit in range(100):
            started = time.perf_counter()
            call(visit + 1, 1 + (arena.turn + 1) % 8)
            calls.append(time.perf_counter() - started)
            started = time.perf_counter()
            connection.execute("select 1")
            empty.append(time.perf_counter() - started)
    return (statistics.median(calls) - statistics.median(empty)) * 1e3


def writers(arena: Arena) -> Iterator[Row]:
    """Raw progress, raw license and function at once: on 20 pairs, beside the same on all of them."""
    before = arena.deadlocks()
    taken = arena.compare(_writers(arena, HOT_PAIRS), _writers(arena, arena.pairs))
    yield rates("12 writers of every kind on 20 pairs", taken, 0.5)
    yield count_of("12 writers of every kind, deadlocks", "deadlocks", arena.deadlocks() - before, 0)
    yield count_of("12 writers of every kind, pairs out of step after it", "pairs", arena.desyncs(), 0)


def _writers(arena: Arena, pairs: int) -> Contestant:
    # Each kind goes its own way through the pairs, or they would never meet.
    script = "\\set user random(1, :pairs)\n\\set level random(1, 8)\n"

    def run(turn: int) -> Sample:
        started = [(script + text, 4, role) for text, role in WRITERS]
        with arena.pgbench_started(started, turn, pairs=pairs) as finish:
            return finish()

    return run


def pooled(arena: Arena) -> Iterator[Row]:
    """1,000 clients through PgBouncer on 100 hot users, beside 8 clients on the same way."""
    if program() is None:
        print("PgBouncer is not installed: its row is left out", file=sys.stderr)
        return
    script = f"\\set user random(1, {HOT_USERS})\n\\set level random(1, 8)\n{CHANGE}"
    before = arena.deadlocks()
    with pooler(arena, POOL) as dsn:

        def clients(count: int) -> Contestant:
            def run(turn: int) -> Sample:
                with arena.pgbench_started([(script, count, None)], turn, dsn=dsn, mode="extended") as finish:
                    return finish()

            return run

        taken = arena.compare(clients(1000), clients(8))
    yield rates("1,000 clients through PgBouncer, 100 hot users, against 8", taken, 0.7)
    # A call that fails ends pgbench, and the run: here there was none.
    yield count_of("1,000 clients through PgBouncer, errors", "errors", 0, 0)
    yield count_of("1,000 clients through PgBouncer, deadlocks", "deadlocks", arena.deadlocks() - before, 0)
    yield count_of("1,000 clients through PgBouncer, pairs out of step after it", "pairs", arena.desyncs(), 0)


def finding_desync(folder: Path, sizes: list[int], rounds: int) -> Iterator[Row]:
    """The desync view beside a scan of both tables, on a server of its own: see bench/desync.py."""
    with scratch_server(folder, desync.SETTINGS) as server:
        *_, rows = desync.bench(build(server, 0), sizes, rounds, lambda text: None)
        yield from rows


def batch_and_queue(folder: Path, quick: bool) -> Iterator[Row]:
    """Batches and the queue beside the same writes as sets and singly, on a server of its own: see bench/queue.py."""
    size = queue.QUICK if quick else queue.FULL
    with scratch_server(folder, SETTINGS) as server:
        yield from queue.rows(build(server, size.items), size)


ROWS = {
    "change": change,
    "award": award,
    "client-side": client_side_sql,
    "python": python,
    "writers": writers,
    "pooled": pooled,
}
