"""A school of many millions: what one server does with so many users in it, and how the busiest minute goes.

    python -m bench.simulation --users 10000000

Two parts, kept apart in bench/results/simulation.json:

measured   a real database with so many users, one pair each, loaded set-based; then calls for users drawn from
           all of it, one kind after the other and mixed as on a day: calls a second, latency, CPU time a call
model      the busiest minute of a day, event by event: calls arrive at random, each holds one core for a
           time drawn from those measured, and waits while all are busy; for one server, with replicas, and
           for several nodes with the schools spread over them, of which one fails for half a minute

The model knows of cores only: neither disk nor network nor locks (a person's calls rarely meet), and nothing of
what a coordinator adds. What a day looks like (Day) is an assumption; change it by the options.
"""

import argparse
import json
import math
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Any

import psycopg

from app import curriculum
from app.migrator import Migrator
from app.postgres import DATABASE, Server
from app.settings import PROJECT, Settings
from bench import arena
from bench.arena import Arena
from bench.rows import APP, AWARD, CHANGE
from tests.pairs import rules_off

Figures = dict[str, Any]

RESULTS = PROJECT / "bench" / "results" / "simulation.json"

# Nothing to lose while it is loaded; measured as in production.
LOADING = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "maintenance_work_mem": "512MB",
}
BYTES_A_USER = 1200  # while it is loaded, of the folder's free room
CHUNK = 1_000_000

USERS = """
insert into lockstep.users (id, email, name)
select n, format('student%%s@example.org', n), format('Student %%s', n)
from generate_series(%(first)s::bigint, %(last)s) as n
"""
PROGRESS = """
insert into lockstep.specialization_progress (student_id, specialization_id)
select n, 'PLAYER' from generate_series(%(first)s::bigint, %(last)s) as n
"""
LICENSES = """
insert into lockstep.user_licenses (user_id, specialization_type)
select n, 'PLAYER' from generate_series(%(first)s::bigint, %(last)s) as n
"""

READ = "select * from lockstep.read_progress(:user, :user);\n"
KINDS = {"read": READ, "award": AWARD, "level change": CHANGE}


@dataclass(frozen=True)
class Day:
    """What is assumed of a day.

    active    share of the users who are there at all
    reads, awards, changes  calls of each of these; a change is a level that was reached or set
    busiest   share of the day's calls in its busiest hour
    """

    active: float = 0.4
    reads: float = 30.0
    awards: float = 8.0
    changes: float = 0.2
    busiest: float = 0.2

    @property
    def calls(self) -> Mapping[str, float]:
        """Calls of an active user, by kind."""
        return {"read": self.reads, "award": self.awards, "level change": self.changes}

    def rate(self, users: int) -> float:
        """Calls a second in the busiest hour."""
        return users * self.active * sum(self.calls.values()) * self.busiest / 3600


# Measured --------------------------------------------------------------------------------------


def load(connection: psycopg.Connection[Any], users: int) -> None:
    """Fill an empty database: so many users with a pair at level 1, every rule off, all of it in step."""
    for first in range(1, users + 1, CHUNK):
        connection.execute(USERS, {"first": first, "last": min(first + CHUNK - 1, users)})
    with rules_off(connection):
        # What is emptied in the transaction that fills it needs no log at wal_level minimal.
        connection.execute("alter table lockstep.license_progressions disable trigger refuse_truncate")
        tables = "lockstep.specialization_progress, lockstep.user_licenses, lockstep.license_progressions"
        connection.execute(f"truncate {tables}".encode())
        connection.execute("alter table lockstep.license_progressions enable trigger refuse_truncate")
        for statement in (PROGRESS, LICENSES):
            connection.execute(statement, {"first": 1, "last": users})
    connection.execute("vacuum (analyze) lockstep.users, lockstep.specialization_progress, lockstep.user_licenses")


def measure(place: Arena, day: Day) -> Iterator[Figures]:
    """Measure each kind of call with one client, then the mix of a day with eight."""
    total = sum(day.calls.values())
    reads, awards = (1000 * day.calls[kind] / total for kind in ("read", "award"))
    mix = (
        f"\\set kind random(1, 1000)\n\\if :kind <= {reads:.0f}\n{READ}"
        f"\\elif :kind <= {reads + awards:.0f}\n{AWARD}\\else\n{CHANGE}\\endif\n"
    )
    scripts = [(kind, script, 1) for kind, script in KINDS.items()] + [("a day's mix", mix, 8)]
    at_random = "\\set user random(1, :pairs)\n"
    for name, script, clients in scripts:
        rates, cpus, latencies = [], [], []
        for turn in range(place.rounds + 1):
            place.turn += 1
            with tempfile.TemporaryDirectory() as folder:
                log = Path(folder) / "calls"
                with place.pgbench_started([(at_random + script, clients, APP)], place.turn, log=log) as finish:
                    sample = finish()
                if turn:  # the first brings pages in
                    rates.append(sample.rate)
                    cpus.append(sample.cpu)
                    latencies += [
                        int(line.split()[2]) / 1000
                        for path in Path(folder).iterdir()
                        for line in path.read_text("utf-8").splitlines()
                    ]
        cuts = statistics.quantiles(latencies, n=100)
        yield {
            "call": name,
            "clients": clients,
            "rate": round(statistics.median(rates)),
            "cpu": round(statistics.median(cpus)),
            "p50": round(cuts[49], 3),
            "p99": round(cuts[98], 3),
        }


# Model -----------------------------------------------------------------------------------------


def arrivals(rate: float, seconds: float, chance: random.Random) -> Iterator[float]:
    """Moments of calls that know nothing of each other."""
    moment = chance.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += chance.expovariate(rate)


def waits(moments: Sequence[float], cores: int, services: Iterator[float]) -> list[float]:
    """Seconds from arrival to answer of each call, first come first served, by so many cores."""
    free = [0.0] * cores
    heapify(free)
    taken = []
    for moment, service in zip(moments, services, strict=False):
        done = max(moment, heappop(free)) + service
        heappush(free, done)
        taken.append(done - moment)
    return taken


def service_times(cpu: Mapping[str, float], weights: Mapping[str, float], chance: random.Random) -> Iterator[float]:
    """Seconds that calls of this mix hold a core: the CPU time measured, in µs, spread as an exponential is."""
    kinds = list(weights)
    while True:
        for kind in chance.choices(kinds, list(weights.values()), k=10_000):
            # Never less than half of it: no call is for nothing.
            yield cpu[kind] * (0.5 + 0.5 * chance.expovariate(1)) / 1e6


def school_sizes(users: int, schools: int, chance: random.Random) -> list[int]:
    """Users of each school: few large ones and many small (log-normal), so many users in all."""
    sizes = [chance.lognormvariate(0, 1) for _ in range(schools)]
    return [max(1, round(users * size / sum(sizes))) for size in sizes]


def busiest_node(sizes: Sequence[int], nodes: int, chance: random.Random) -> float:
    """The share of all users on the fullest node, where schools are put on nodes at random."""
    held = [0] * nodes
    for size in sizes:
        held[chance.randrange(nodes)] += size
    return max(held) / sum(sizes)


def minute(
    name: str, rate: float, cores: int, weights: Mapping[str, float], cpu: Mapping[str, float], outage: float = 0.0
) -> Figures:
    """One server's busiest minute; outage: seconds in its middle in which it is away and clients try again."""
    chance = random.Random(name)
    seconds, begin = 60.0 + 3 * outage, 15.0
    moments = list(arrivals(rate, seconds, chance))
    tried = moments
    if outage:
        # Who meets it comes again within a second after its end, with the same idempotency key.
        back = begin + outage
        tried = [back + chance.random() if begin <= moment < back else moment for moment in moments]
    order = sorted(range(len(moments)), key=tried.__getitem__)
    answered = waits([tried[one] for one in order], cores, service_times(cpu, weights, chance))
    whole = sorted(taken + tried[one] - moments[one] for taken, one in zip(answered, order, strict=True))
    load = sum(weights[kind] * cpu[kind] for kind in weights) / sum(weights.values()) / 1e6 * rate / cores
    late = [tried[one] + taken for taken, one in zip(answered, order, strict=True) if outage and taken > 1]
    return {
        "what": name,
        "rate": round(rate),
        "cores": cores,
        "busy": round(load, 3),
        "p50": round(_percentile(whole, 50) * 1000, 2),
        "p99": round(_percentile(whole, 99) * 1000, 2),
        "longest": round(whole[-1] * 1000, 1) if whole else 0.0,
        "outage": outage,
        "settled": round(max(late) - begin - outage, 1) if late else 0.0,
    }


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def enough_cores(rate: float, weights: Mapping[str, float], cpu: Mapping[str, float], busy: float = 0.6) -> int:
    """The least even number of cores with which a server is busy for this share of the time, at most."""
    needed = rate * sum(weights[kind] * cpu[kind] for kind in weights) / sum(weights.values()) / 1e6 / busy
    return 2 * max(1, math.ceil(needed / 2))


def model(users: int, schools: int, day: Day, cpu: Mapping[str, float]) -> Iterator[Figures]:
    """The busiest minute on one server, on a server with a replica, and on nodes of which one fails."""
    rate, weights = day.rate(users), day.calls
    cores = enough_cores(rate, weights, cpu)
    for number in range(max(2, cores - 6), cores + 1, 2):
        yield minute(f"one server of {number} cores", rate, number, weights, cpu)
    yield minute(f"one server of {cores} cores, away for 30 s", rate, cores, weights, cpu, outage=30.0)
    writes = {kind: weights[kind] for kind in weights if kind != "read"}
    share = sum(writes.values()) / sum(weights.values())
    fewer = enough_cores(rate * share, writes, cpu)
    yield minute(f"primary of {fewer} cores, all reads on replicas", rate * share, fewer, writes, cpu)
    chance = random.Random(users)
    sizes = school_sizes(users, schools, chance)
    for nodes in (2, 4, 8):
        part = busiest_node(sizes, nodes, chance)
        each = enough_cores(rate * part, weights, cpu)
        name = f"the fullest of {nodes} nodes, {part:.0%} of the users, {each} cores"
        yield minute(name, rate * part, each, weights, cpu)
        yield minute(f"{name}, away for 30 s", rate * part, each, weights, cpu, outage=30.0)


# All of it --------------------------------------------------------------------------------------


def simulate(users: int, schools: int, day: Day, folder: Path, seconds: int, rounds: int) -> Figures:
    """Load, measure, compute; everything is gone in the end but the figures."""
    home = Path(tempfile.mkdtemp(prefix="lockstep-simulation-", dir=folder))
    home.chmod(0o755)
    pgbin = Settings.from_environment().pgbin
    server = Server(home, pgbin, LOADING)
    try:
        server.start()
        dsn = server.dsn_for(DATABASE)
        migrator = Migrator(dsn)
        migrator.migrate()
        migrator.load()
        curriculum.load(dsn)
        started = time.monotonic()
        with psycopg.connect(dsn, autocommit=True) as connection:
            load(connection, users)
        loaded = time.monotonic() - started
        server.stop()
        os.sync()
        say(f"{users:,} users loaded in {loaded:.0f} s")
        server = Server(home, pgbin, {**arena.SETTINGS, "shared_buffers": "2GB"})
        dsn = server.start()
        place = Arena(server, server.dsn_for(DATABASE), users, seconds, rounds)
        size = place.count("select pg_database_size(current_database())")
        measured = []
        for figures in measure(place, day):
            say(json.dumps(figures))
            measured.append(figures)
        out_of_step = place.desyncs()
    finally:
        server.stop()
        shutil.rmtree(server.home)
    return {
        "users": users,
        "schools": schools,
        "day": asdict(day),
        "database": {"bytes": size, "loaded in seconds": round(loaded), "pairs out of step": out_of_step},
        "measured": measured,
        "model": list(model(users, schools, day, _cpu(measured))),
    }


def _cpu(measured: Sequence[Figures]) -> dict[str, float]:
    """CPU microseconds of each kind of call, one client."""
    return {figures["call"]: figures["cpu"] for figures in measured if figures["clients"] == 1}


def say(text: str) -> None:
    """Tell who waits."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Run it; see the module."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--schools", type=int, help="a thousand users each, unless given")
    parser.add_argument("--seconds", type=int, default=5, help="of a slice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="for the data: 1.2 GB a million"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--model", action="store_true", help="measure nothing, compute the model anew from the results")
    for name, value in asdict(Day()).items():
        parser.add_argument(f"--{name}", type=float, default=value, help=f"of a day: {value}")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    free = shutil.disk_usage(given.folder).free
    if not given.model and free < given.users * BYTES_A_USER + 9 * 2**30:
        raise SystemExit(f"{given.folder} has {free / 2**30:.0f} GB free, too little for {given.users:,} users")
    day = Day(**{name: getattr(given, name) for name in asdict(Day())})
    schools = given.schools or max(1, given.users // 1000)
    if given.model:
        figures = json.loads(given.results.read_text("utf-8"))
        figures |= {"schools": schools, "day": asdict(day)}
        figures["model"] = list(model(given.users, schools, day, _cpu(figures["measured"])))
    else:
        figures = simulate(given.users, schools, day, given.folder, given.seconds, given.rounds)
    given.results.parent.mkdir(exist_ok=True)
    given.results.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    print(json.dumps(figures, indent=2))
    return 1 if figures["database"]["pairs out of step"] else 0


if __name__ == "__main__":
    sys.exit(main())
