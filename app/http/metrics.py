"""What Prometheus reads: requests and pools of every process, and how the database says it stands.

Under gunicorn each process keeps its figures in a file of PROMETHEUS_MULTIPROC_DIR, and whichever is
asked adds them up; the figures of the database are read from the views service_state and figures.
The other way round, each process tells the database every half minute what it has answered: so the
database knows the error rate where nobody scrapes, and no request writes anything for it.
"""

import os
import socket
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout, TooManyRequests

from app import db
from app.db import Row
from app.http.database import Database

# Seconds between two looks at a process's own pools.
POOL_INTERVAL = 5.0

# Seconds after which a process tells the database what it has answered, and for which it waits for a connection.
NOTE_INTERVAL = 30.0
NOTE_PATIENCE = 1.0

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# Two people wanted the same, and one of them was told so: no failure of the service.
CONFLICTS = frozenset({409, 412})

# What the rows of the view figures are.
FIGURES = {
    "lockstep_desync_pairs_by_type": "Pairs out of step by what is wrong, as each range showed when it was last read.",
    "lockstep_runs": "Runs that are kept, by what they were and what became of them.",
    "lockstep_newest_run_pairs": "Pairs of the newest run.",
    "lockstep_queue_entries": "Entries of the queue.",
    "lockstep_queue_oldest_age_seconds": "How long the oldest entry of the backlog has waited.",
    "lockstep_connections": "Connections to the database, by application_name and state.",
    "lockstep_connections_limit": "The setting connections_limit.",
    "lockstep_server_connections": "Connections to the whole server.",
    "lockstep_server_connections_limit": "How many the server takes.",
    "lockstep_oldest_transaction_age_seconds": "How old the oldest open transaction is.",
    "lockstep_lock_waits": "Sessions that wait for a lock.",
    "lockstep_lock_wait_longest_seconds": "How long the longest of these waits is.",
    "lockstep_lock_budget_seconds": "The setting lock_budget.",
    "lockstep_lock_breaches": "Waits for a pair that were given up, as far as they are kept.",
    "lockstep_breaches": "Thresholds that were reached, as far as they are kept.",
    "lockstep_incidents_open": "Incidents that are open.",
    "lockstep_statements_regressed": "Statements that take longer than their baseline.",
    "lockstep_last_sample_timestamp_seconds": "When connections and locks were last looked at for breaches.",
}

_own = CollectorRegistry()

_requests = Counter(
    "lockstep_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=_own
)
_seconds = Histogram("lockstep_http_request_seconds", "How long they took.", ["method", "route"], registry=_own)
_conflicts = Counter(
    "lockstep_http_conflicts", "Answers 409 and 412: lost to somebody else's change.", ["code"], registry=_own
)
_retries = Counter(
    "lockstep_database_retries", "Calls that lost a race (40001, 40P01, 55P03) and were run again.", registry=_own
)
_reads = Counter(
    "lockstep_replica_reads",
    "Reads that a replica was to answer: answered, or why the primary was asked instead.",
    ["outcome"],
    registry=_own,
)

# Of psycopg's figures, those that go up and down, and those that only grow.
_NOW = {
    "pool_size": Gauge(
        "lockstep_pool_size", "Connections open or being opened.", ["pool"],
        registry=_own, multiprocess_mode="livesum",
    ),
    "pool_available": Gauge(
        "lockstep_pool_available", "Connections that wait for work.", ["pool"],
        registry=_own, multiprocess_mode="livesum",
    ),
    "requests_waiting": Gauge(
        "lockstep_pool_waiting", "Requests that wait for a connection.", ["pool"],
        registry=_own, multiprocess_mode="livesum",
    ),
}  # fmt: skip
_EVER = {
    "requests_queued": Gauge(
        "lockstep_pool_queued_total", "Requests that had to wait.", ["pool"],
        registry=_own, multiprocess_mode="sum",
    ),
    "requests_errors": Gauge(
        "lockstep_pool_errors_total", "Requests that got no connection.", ["pool"],
        registry=_own, multiprocess_mode="sum",
    ),
    "connections_errors": Gauge(
        "lockstep_pool_connection_errors_total", "Connections that could not be opened.", ["pool"],
        registry=_own, multiprocess_mode="sum",
    ),
    "connections_lost": Gauge(
        "lockstep_pool_connections_lost_total", "Connections that were found broken.", ["pool"],
        registry=_own, multiprocess_mode="sum",
    ),
}  # fmt: skip


@dataclass
class Answered:
    """What this process has answered, and not told the database yet."""

    requests: int = 0
    errors: int = 0
    conflicts: int = 0
    retries: int = 0
    codes: Tally[str] = field(default_factory=Tally)

    def add(self, other: "Answered") -> None:
        """Count what the other has counted."""
        self.requests += other.requests
        self.errors += other.errors
        self.conflicts += other.conflicts
        self.retries += other.retries
        self.codes += other.codes


_untold = Answered()
_telling = threading.Lock()


def init_app(app: Flask) -> None:
    """Count every request of this application."""
    app.after_request(_count)


def watch(database: Database) -> None:
    """Keep the figures of this process's pools fresh, also while nobody calls, and tell the database its answers."""

    def look() -> None:
        told = time.monotonic()
        while True:
            note_pools(database)
            if time.monotonic() - told >= NOTE_INTERVAL:
                note_requests(database)
                told = time.monotonic()
            time.sleep(POOL_INTERVAL)

    threading.Thread(target=look, name="pool-metrics", daemon=True).start()


def note_pools(database: Database) -> None:
    """Take down how the pools are now."""
    for name, pool in database.pools.items():
        figures = pool.get_stats()
        for key, gauge in (_NOW | _EVER).items():
            gauge.labels(name).set(figures.get(key, 0))


def note_requests(database: Database) -> bool:
    """Tell the database what was answered since the last time; return whether it was told.

    What could not be told is told the next time.
    """
    global _untold
    with _telling:
        answered, _untold = _untold, Answered()
    if not answered.requests:
        return False
    try:
        with (
            database.pools["app"].connection(NOTE_PATIENCE) as connection,
            connection.transaction(),
        ):
            connection.execute("select set_config('role', 'lockstep_app', true)")
            db.call(
                connection,
                "note_requests",
                process=f"{socket.gethostname()}:{os.getpid()}",
                requests=answered.requests,
                errors=answered.errors,
                conflicts=answered.conflicts,
                retries=answered.retries,
                codes=Jsonb(answered.codes),
            )
    except (psycopg.Error, PoolTimeout, TooManyRequests):
        with _telling:
            _untold.add(answered)
        return False
    return True


def text(state: Row | None, figures: Iterable[Row] = ()) -> bytes:
    """Write all figures in Prometheus's format; None for a database that cannot be asked."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_own)
    registry.register(_OfDatabase(state, figures))
    return generate_latest(registry)


class _OfDatabase:
    """The row of service_state and the rows of figures, as metrics; what is null there is left out."""

    def __init__(self, state: Row | None, rows: Iterable[Row]) -> None:
        self.state, self.rows = state, rows

    def collect(self) -> Iterator[Metric]:
        yield _gauge("lockstep_up", "Whether the database answers.", self.state is not None)
        if self.state is None:
            return
        figures = (
            ("lockstep_consistency_percent", "Share of pairs in step, at the last check.", "consistency_rate"),
            ("lockstep_pairs", "Pairs, as each range showed when it was last read.", "pairs"),
            ("lockstep_desync_pairs", "Pairs out of step, likewise.", "desync_pairs"),
            ("lockstep_broken_guards", "Guards that are not as installed.", "broken_guards"),
            ("lockstep_requires_attention", "Whether a person should look.", "requires_attention"),
            ("lockstep_last_check_timestamp_seconds", "When the last check was.", "last_check"),
            ("lockstep_oldest_unverified_timestamp_seconds", "No pair was last read before.", "oldest_unverified"),
            ("lockstep_last_run_timestamp_seconds", "When the last scheduled run ended well.", "last_run"),
        )
        for name, description, column in figures:
            if self.state[column] is not None:
                yield _gauge(name, description, self.state[column])
        for name, description, column in (
            ("lockstep_health", "What the last check said.", "status"),
            ("lockstep_newest_run", "What became of the newest run.", "newest_run_status"),
        ):
            if self.state[column] is not None:
                family = GaugeMetricFamily(name, description, labels=["status"])
                family.add_metric([self.state[column]], 1)
                yield family
        yield from self._rows()

    def _rows(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for row in self.rows:
            name, labels = f"lockstep_{row['name']}", row["labels"]
            if name not in families:
                families[name] = GaugeMetricFamily(name, FIGURES.get(name, name), labels=list(labels))
            families[name].add_metric([str(value) for value in labels.values()], row["value"])
        yield from families.values()


def _gauge(name: str, description: str, value: Any) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, value.timestamp() if isinstance(value, datetime) else float(value))


def _count(answer: Response) -> Response:
    method = request.method if request.method in METHODS else "other"
    route = request.url_rule.rule if request.url_rule else "none"
    _requests.labels(method, route, str(answer.status_code)).inc()
    _seconds.labels(method, route).observe(time.perf_counter() - g.began)
    if answer.status_code in CONFLICTS:
        _conflicts.labels(g.get("problem", "none")).inc()
    if retries := g.get("retries"):
        _retries.inc(retries)
    for outcome in g.get("replica", ()):
        _reads.labels(outcome).inc()
    if request.blueprint != "service":  # probes ask often, and say nothing of what people are told
        _remember(answer.status_code, g.get("problem", "none"), retries or 0)
    return answer


def _remember(status: int, problem: str, retries: int) -> None:
    failed, lost = status >= 500, status in CONFLICTS
    with _telling:
        _untold.add(Answered(1, int(failed), int(lost), retries, Tally([problem] if failed or lost else [])))
