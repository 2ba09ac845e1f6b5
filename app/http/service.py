"""The service about itself: whether it runs, whether it can serve, and its figures."""

import hmac
import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import psycopg
from flask import Flask, Response, current_app, request
from flask_openapi import APIBlueprint, Tag
from prometheus_client import CONTENT_TYPE_LATEST
from psycopg_pool import PoolTimeout, TooManyRequests
from pydantic import BaseModel

from app.db import Row
from app.http import metrics
from app.http.database import Database, Options, database
from app.http.models import problems, reply
from app.http.problems import ProblemError
from app.settings import Settings

api = APIBlueprint("service", __name__, abp_tags=[Tag(name="service")])

# Seconds for which an answer of the database about itself is good: comparing every guard takes it a while.
FRESH = 5.0

# Seconds for which it is good while the pool is too busy to ask again, which is not the same as out of order.
GOOD_ENOUGH = 60.0


# Seconds that a probe waits for a connection: shorter than what asks waits for it.
PATIENCE = 1.0


class Alive(BaseModel):
    """The process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """What was looked at: ok, fail, or unknown where an earlier check failed."""

    status: str
    checks: dict[str, str]


@dataclass
class Kept:
    """What the database said of itself, asked by one request at a time and kept for a moment."""

    ask: Callable[[], list[Row]]
    rows: list[Row] = field(default_factory=list)
    asked: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> list[Row]:
        """Return the rows, none where the database cannot be asked."""
        with self.lock:
            age = time.monotonic() - self.asked
            if age > FRESH:
                try:
                    self.rows = self.ask()
                except (PoolTimeout, TooManyRequests):
                    if age < GOOD_ENOUGH:
                        return self.rows
                    self.rows = []
                except (psycopg.Error, ProblemError):
                    self.rows = []
                self.asked = time.monotonic()
            return self.rows


def init_app(app: Flask) -> None:
    """Keep state and figures with the application."""
    app.extensions["lockstep.state"] = Kept(lambda: database().rows("read_service_state", Options(wait=PATIENCE)))
    app.extensions["lockstep.figures"] = Kept(lambda: database().rows("read_figures", Options(wait=PATIENCE)))


@api.get("/healthz", responses={200: Alive, **problems()})
def healthz() -> Response:
    """Say that the process answers; the database is not asked."""
    return reply(Alive, {})


@api.get("/readyz", responses={200: Readiness, **problems()})
def readyz() -> Response:
    """Say whether the service can do its work: database, migrations, guards."""
    checks = _checks(_state())
    if set(checks.values()) != {"ok"}:
        failed = ", ".join(name for name, outcome in checks.items() if outcome == "fail")
        raise ProblemError("not_ready", f"failed: {failed}", checks=checks)
    return reply(Readiness, {"status": "ready", "checks": checks})


@api.get("/metrics", doc_ui=False)
def show_metrics() -> Response:
    """Show the figures, to Prometheus."""
    _check_scraper()
    pools: Database | None = current_app.extensions.get("lockstep.database")
    if pools:
        metrics.note_pools(pools)
    figures: Kept = current_app.extensions["lockstep.figures"]
    return Response(metrics.text(_state(), figures.read()), content_type=CONTENT_TYPE_LATEST)


def _checks(state: Row | None) -> dict[str, str]:
    if state is None:
        return {"database": "fail", "migrations": "unknown", "guards": "unknown"}
    return {
        "database": "ok",
        # A newer schema is fine: it comes first while a release is rolled out.
        "migrations": "ok" if (state["version"] or "") >= _head() else "fail",
        "guards": "ok" if state["broken_guards"] == 0 else "fail",
    }


def _check_scraper() -> None:
    """Let those in who know the token; where none is set, those who ask from this machine, through no proxy."""
    settings: Settings = current_app.extensions["lockstep"]
    wanted = settings.service.metrics_token
    if wanted:
        given = request.headers.get("Authorization", "").encode()
        allowed = hmac.compare_digest(given, f"Bearer {wanted}".encode())
    else:
        forwarded = {"Forwarded", "X-Forwarded-For", "Via"} & {name.title() for name, _ in request.headers}
        allowed = not forwarded and ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback
    if not allowed:
        raise ProblemError("not_signed_in", "figures are for Prometheus: see LOCKSTEP_METRICS_TOKEN")


def _state() -> Row | None:
    """The row of service_state, None where the database cannot be asked."""
    kept: Kept = current_app.extensions["lockstep.state"]
    return next(iter(kept.read()), None)


@cache
def _head() -> str:
    """The newest migration of this release."""
    from app.migrator import Migrator

    return Migrator("").head()
