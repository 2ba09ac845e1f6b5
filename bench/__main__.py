"""Every row of the table of speeds, side by side in one run.

    python -m bench [--quick] [--rows change award …] [--pairs 100000] [--folder /tmp]

Makes a server and a database of its own (fsync on, the data under --folder), prints the table, and
writes bench/results/latest.json after every row, met or not; with --rows the others stay in it.
Returns 1 only where something that has to be 0 is not; a missed speed is a result, not a failure.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from app.settings import PROJECT
from bench.arena import Row, arena
from bench.rows import ROWS, batch_and_queue, finding_desync

RESULTS = PROJECT / "bench" / "results" / "latest.json"
SIZES = [1_000_000, 10_000_000]


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Measure what was asked for; yield the lines as they come."""
    wanted = given.rows
    seconds, rounds = (1, 2) if given.quick else (given.seconds, given.rounds)
    pairs = given.pairs or (20_000 if given.quick else 100_000)
    settings = dict(setting.split("=", 1) for setting in given.set)
    if set(wanted) & set(ROWS):
        with arena(given.folder, pairs, seconds, rounds, settings) as place:
            for name in [name for name in ROWS if name in wanted]:
                started = time.monotonic()
                yield from ROWS[name](place)
                print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    if "queue" in wanted:
        yield from batch_and_queue(given.folder, given.quick)
    if "desync" in wanted:
        sizes = given.sizes or ([20_000, 100_000] if given.quick else SIZES)
        yield from finding_desync(given.folder, sizes, min(rounds, 3))


def main() -> int:
    """Run it; see the module."""
    every = [*ROWS, "queue", "desync"]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Every row of the table of speeds.")
    parser.add_argument("--quick", action="store_true", help="in under three minutes, to see that it works")
    parser.add_argument("--rows", nargs="+", choices=every, default=every)
    parser.add_argument("--pairs", type=int, help="pairs in the database: 100,000")
    parser.add_argument("--sizes", type=int, nargs="+", help="pairs for the desync view: 1 and 10 million")
    parser.add_argument("--seconds", type=int, default=2, help="of a slice")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="for the data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    kept: list[Row] = []
    if given.rows != every and given.results.exists():
        kept = json.loads(given.results.read_text("utf-8"))
    measured: list[Row] = []
    for row in run(given):
        measured.append(row)
        names = [row["name"] for row in measured]
        rows = [row for row in kept if row["name"] not in names] + measured
        given.results.parent.mkdir(exist_ok=True)
        given.results.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(tabulate(measured, headers="keys", missingval="-", floatfmt=",.3g"))
    return 1 if any(row["floor"] is None and not row["ok"] for row in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
