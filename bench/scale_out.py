"""The figures of docs/scale-out.md, from what was measured: bench/results/*.json, whichever there are."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.settings import PROJECT
from bench.simulation import Day

RESULTS = PROJECT / "bench" / "results"

# A server is full where its cores are busy for this share of the busiest hour: the rest is for its peaks.
FULL = 0.6
CORES = (2, 8, 32, 64)

# Of `make bench`, what a plan needs.
BENCH = (
    "level change",
    "level change, server CPU",
    "level change, 8 clients",
    "XP that changes no level",
    "XP that changes no level, server CPU",
    "1,000 clients through PgBouncer, 100 hot users, against 8",
    "batch of 100,000 level changes, of the set-based floor",
    "queue of 100,000 for 10,000 pairs drained, a level change each, times single calls",
    "count of the desync view, 10,000,000 pairs",
    "scan by ranges, 10,000,000 pairs",
    "longest statement of a scan by ranges, 10,000,000 pairs",
)


def tables(results: Path = RESULTS) -> dict[str, str]:
    """Every table by its name in the document."""
    made: dict[str, tuple[Sequence[str], str, Callable[[Mapping[str, Any]], str]]] = {
        "bench": (["latest"], "make bench", _bench),
        "http": (["replica"], "python -m bench.replica", _http),
        "measured": (["simulation"], "make simulate", _measured),
        "plan": (["simulation", "replica"], "make simulate", _plan),
        "model": (["simulation"], "make simulate", _model),
        "outage": (["simulation"], "make simulate", _outage),
    }
    return {name: _table(results, *made[name]) for name in made}


def _table(results: Path, needed: Sequence[str], command: str, write: Callable[[Mapping[str, Any]], str]) -> str:
    files = {name: results / f"{name}.json" for name in needed}
    if not all(path.exists() for path in files.values()):
        return f"Not measured yet: `{command}`."
    return write({name: json.loads(path.read_text("utf-8")) for name, path in files.items()})


def _lines(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def _number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _bench(found: Mapping[str, Any]) -> str:
    rows = {row["name"]: row for row in found["latest"]}
    body = []
    for name in (name for name in BENCH if name in rows):
        row = rows[name]
        body.append([name, _number(row["ours"]), _number(row["floor"]), row["unit"]])
    return _lines(["what", "Lockstep", "its floor", "unit"], body)


def _http(found: Mapping[str, Any]) -> str:
    body = [
        [row["name"].replace(" over HTTP, CPU of", ", CPU of"), _number(row["floor"]), _number(row["ours"])]
        for row in found["replica"]
    ]
    return _lines(["over HTTP, µs a call", "without a replica", "with one"], body)


def _measured(found: Mapping[str, Any]) -> str:
    simulation = found["simulation"]
    users, size = simulation["users"], simulation["database"]["bytes"]
    body = [
        [row["call"], row["clients"], _number(row["rate"]), _number(row["cpu"]), row["p50"], row["p99"]]
        for row in simulation["measured"]
    ]
    told = (
        f"{users:,} users, a pair each: {size / 1e9:.1f} GB, {size / users:.0f} bytes a user;"
        f" {simulation['database']['pairs out of step']} pairs out of step afterwards."
    )
    return told + "\n\n" + _lines(["call", "clients", "calls/s", "server CPU, µs", "p50, ms", "p99, ms"], body)


def _plan(found: Mapping[str, Any]) -> str:
    """Users that servers of so many cores carry, by what a day is assumed to be."""
    day = Day(**found["simulation"]["day"])
    cpu = {row["call"]: row["cpu"] for row in found["simulation"]["measured"] if row["clients"] == 1}
    service = {row["name"]: row["floor"] for row in found["replica"]}
    read, award = (service[f"{kind} over HTTP, CPU of the service"] for kind in ("read", "award"))
    all_calls = sum(day.calls[kind] * cpu[kind] for kind in day.calls)
    writes = all_calls - day.reads * cpu["read"]
    http = day.reads * read + (day.awards + day.changes) * award
    seconds = day.active * day.busiest / 3600
    body = []
    for cores in CORES:
        room = cores * FULL * 1e6
        users = room / (all_calls * seconds)
        alone = room / (writes * seconds)
        needed = users * http * seconds / 1e6 / FULL
        body.append([cores, _millions(users), f"{day.rate(round(users)):,.0f}", _millions(alone), f"{needed:,.0f}"])
    head = ["cores of the database", "users", "calls/s at the busiest", "users, all reads on replicas", "cores of HTTP"]
    return _lines(head, body)


def _millions(users: float) -> str:
    millions = users / 1e6
    return f"{millions:,.0f} million" if millions >= 10 else f"{millions:.2g} million"


def _model(found: Mapping[str, Any]) -> str:
    body = [
        [row["what"], f"{row['rate']:,}", f"{row['busy']:.0%}", row["p50"], row["p99"]]
        for row in found["simulation"]["model"]
        if not row["outage"]
    ]
    return _lines(["the busiest minute", "calls/s", "cores busy", "p50, ms", "p99, ms"], body)


def _outage(found: Mapping[str, Any]) -> str:
    body = [
        [row["what"], f"{row['longest'] / 1000:.0f} s", f"{row['settled']:.0f} s"]
        for row in found["simulation"]["model"]
        if row["outage"]
    ]
    return _lines(["away for half a minute", "the longest call", "until all is as before"], body)
