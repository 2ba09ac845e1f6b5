"""What the plots show: throughput and latency by the number of clients, cost by the size of the tables.

    python -m bench.curves [--clients 1 2 … 1000] [--sizes 10000 … 10000000] [--seconds 2]

On servers of its own; writes bench/results/curves.json, which `python -m bench.plots` draws. Clients take
about three minutes. The sizes take as long as filling the tables does: half a minute a million pairs.
"""

import argparse
import json
import signal
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.settings import PROJECT
from bench import desync
from bench.arena import SETTINGS, Arena, Sample, arena
from bench.pooler import pooler
from bench.rows import APP, AWARD, CHANGE, CLIENT_SIDE, POOL
from tests.torture.scratch import build, scratch_server

RESULTS = PROJECT / "bench" / "results" / "curves.json"
CLIENTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000]
SIZES = [10_000, 100_000, 1_000_000, 10_000_000]
PERCENTILES = 50, 90, 99

Point = dict[str, Any]


def by_clients(place: Arena, counts: list[int]) -> Iterator[Point]:
    """Calls a second and latency, ours and the client-side way in turn, all through PgBouncer."""
    sides = {"ours": CHANGE, "client-side": CLIENT_SIDE.format("floor")}
    taken: dict[tuple[str, int], list[Point]] = defaultdict(list)
    with pooler(place, POOL) as dsn:
        for _ in range(place.rounds):
            for clients in counts:
                place.turn += 1
                for name, script in sides.items():
                    taken[name, clients].append(_slice(place, dsn, script, clients))
            place.vacuum()
    for (name, clients), points in taken.items():
        # The round in the middle by its rate, whole: its percentiles belong to it.
        middle = sorted(points, key=lambda point: point["rate"])[len(points) // 2]
        yield {"name": name, "clients": clients, **middle}


def _slice(place: Arena, dsn: str, script: str, clients: int) -> Point:
    """Calls a second and the percentiles of their latency, in milliseconds, from pgbench's log."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"dsn": dsn, "mode": "extended", "log": Path(folder) / "calls"}
        with place.pgbench_started([(script, clients, None)], place.turn, **options) as finish:
            sample = finish()
        latencies = _latencies(Path(folder))
    # One cut between each two neighbouring hundredths.
    cuts = statistics.quantiles(latencies, n=100)
    return {"rate": sample.rate, **{f"p{percent}": cuts[percent - 1] for percent in PERCENTILES}}


def _latencies(folder: Path) -> list[float]:
    """Milliseconds of every call that pgbench logged."""
    return [int(line.split()[2]) / 1000 for path in folder.iterdir() for line in path.read_text("utf-8").splitlines()]


def by_size(folder: Path, sizes: list[int], seconds: int, rounds: int) -> Iterator[Point]:
    """Calls a second and the server's CPU time a call, on users drawn from all of a growing table."""
    with scratch_server(folder, {**SETTINGS, "wal_level": "minimal", "max_wal_senders": "0"}) as server:
        place = Arena(server, build(server, 0), 0, seconds, rounds)
        for size in sorted(sizes):
            with place.connect() as connection:
                desync.fill(connection, size)
                connection.execute("checkpoint")
            # Two pairs a user; one pair in ten thousand is out of step, and costs more.
            place.pairs = size // 2
            for name, script in (("update_level", CHANGE), ("level_up", AWARD)):
                taken: list[Sample] = []
                # The first one brings the pages in, and does not count.
                for _ in range(place.rounds + 1):
                    place.turn += 1
                    taken.append(place.pgbench(script, role=APP)(place.turn))
                yield {
                    "name": name,
                    "pairs": size,
                    "rate": statistics.median(one.rate for one in taken[1:]),
                    "cpu": statistics.median(one.cpu for one in taken[1:]),
                }


def main() -> int:
    """Measure both; what was measured before and is not asked for now stays in the file."""
    parser = argparse.ArgumentParser(prog="python -m bench.curves", description="What the plots show.")
    parser.add_argument("--clients", type=int, nargs="*", default=CLIENTS)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="for the data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    curves = json.loads(given.results.read_text("utf-8")) if given.results.exists() else {}

    def keep(kind: str, points: Iterator[Point]) -> None:
        curves[kind] = []
        for point in points:
            print(json.dumps(point), flush=True)
            curves[kind].append(point)
            given.results.write_text(json.dumps(curves, indent=2) + "\n", "utf-8")

    if given.clients:
        with arena(given.folder, 20_000, given.seconds, given.rounds, {}) as place:
            keep("clients", by_clients(place, given.clients))
    if given.sizes:
        keep("sizes", by_size(given.folder, given.sizes, given.seconds, given.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
