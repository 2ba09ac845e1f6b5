"""Runs: repairs of many pairs, planned, applied and undone; what they did stays in the ledger.

A run commits batch by batch. Over HTTP each batch is a transaction of its own, through any server
process of the pool, and a request works for so long only (Settings.run_budget): what is not done then
is answered 202, and whoever calls `apply` next goes on with it.
"""

from contextlib import suppress
from datetime import datetime
from time import monotonic, sleep
from uuid import uuid4

import psycopg
from flask import Response, current_app, g
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app.http.access import actor
from app.http.database import database
from app.http.models import BEARER, Body, Code, Direction, Id, KeyHeader, Reason, options, problems, reply
from app.http.paging import PageQuery, page
from app.http.problems import ProblemError

# What a repeated request may find of its own run: it is over, or still under way.
OF_THE_FIRST = ("LS016", "LS017")

api = APIBlueprint("runs", __name__, url_prefix="/api/v1/runs", abp_tags=[Tag(name="runs")], abp_security=BEARER)


class RunPath(BaseModel):
    """Which run."""

    run_id: Id


class Plan(Body):
    """What to plan: everybody, or less."""

    direction: Direction
    specialization: Code | None = None
    user_id: Id | None = None
    limit: Id | None = Field(None, description="Pairs, at most.")
    reason: Reason | None = None


class Undo(Body):
    """How to undo a run."""

    dry_run: bool = Field(False, description="Only list what would be undone; `apply` does it then.")
    reason: Reason | None = None


class RunItem(BaseModel):
    """What a run is to do to one pair, and what came of it."""

    user_id: int
    user_email: str | None
    specialization: str
    issue_type: str
    progress_level: int | None = Field(description="As the plan saw it; null where it was missing.")
    license_level: int | None = Field(description="As the plan saw it; null where it was missing.")
    action: str
    expected_level: int | None = Field(description="The level of both sides afterwards.")
    outcome: str
    detail: str | None
    error_code: str | None
    attempts: int
    applied_at: datetime | None


class RunItems(BaseModel):
    """A page of them, by user and specialization."""

    items: list[RunItem]
    next: str | None


class RunSummary(BaseModel):
    """A run, without its items."""

    run_id: int
    kind: str
    status: str = Field(description="success, partial_failure, failed, skipped, or running.")
    dry_run: bool = Field(description="Whether it is a plan that nobody has applied.")
    direction: Direction
    specialization: str | None
    user_id: int | None
    undo_of: int | None
    scheduled: bool
    requested_by: int | None = Field(description="Who planned it.")
    applied_by: int | None = Field(
        description="Who took it into work, of several the last; null: nobody yet, or not said."
    )
    applied_role: str | None = Field(description="The database role that did.")
    applied_application: str | None = Field(description="The application_name of its session.")
    reason: str | None
    job_start: datetime
    job_end: datetime | None
    duration_seconds: float
    issues_found: int
    synced_count: int
    failed_count: int
    skipped_count: int
    message: str | None


class Run(RunSummary):
    """A run."""

    results: list[RunItem] = Field(description="The first 1000 items; the route of the items has all.")


class Runs(BaseModel):
    """A page of runs, newest first."""

    items: list[RunSummary]
    next: str | None


@api.get("", responses={200: Runs, **problems()})
def list_all(query: PageQuery) -> Response:
    """List the runs, newest first."""
    (before,) = query.key(int)
    rows = database().rows("list_runs", before_id=before, limit=query.limit + 1)
    return reply(Runs, page(rows, query.limit, "run_id"))


@api.post("", responses={201: Run, **problems(404, 409)})
def plan(header: KeyHeader, body: Plan) -> Response:
    """Plan a repair: list what it would do, and change nothing."""
    run = database().call(
        "request_run",
        options(header),
        actor_id=actor().id,
        direction=body.direction,
        specialization_id=body.specialization,
        user_id=body.user_id,
        limit=body.limit,
        reason=body.reason,
    )
    return _answer(run["id"], 201)


@api.get("/<run_id>", responses={200: Run, **problems(404)})
def read(path: RunPath) -> Response:
    """Read a run with its items."""
    return _answer(path.run_id, 200)


@api.get("/<run_id>/items", responses={200: RunItems, **problems(404)})
def list_items(path: RunPath, query: PageQuery) -> Response:
    """List what a run is to do to each pair, and what came of it."""
    user_id, specialization = query.key(int, str)
    rows = database().rows(
        "list_run_items",
        run_id=path.run_id,
        after_user_id=user_id,
        after_specialization=specialization,
        limit=query.limit + 1,
    )
    return reply(RunItems, page(rows, query.limit, "user_id", "specialization"))


@api.post("/<run_id>/apply", responses={200: Run, 202: Run, **problems(404, 409)})
def apply(path: RunPath) -> Response:
    """Apply a plan, or go on with a run; 202: call again, there is more to do."""
    work(path.run_id)
    return _answer(path.run_id)


@api.post("/<run_id>/undo", responses={200: Run, 202: Run, **problems(404, 409)})
def undo(path: RunPath, header: KeyHeader, body: Undo) -> Response:
    """Undo a run; the undo is a run too. 202: `apply` goes on with it."""
    run = database().call(
        "request_undo",
        options(header),
        actor_id=actor().id,
        run_id=path.run_id,
        dry_run=body.dry_run,
        reason=body.reason,
    )
    return finish(run["id"], run["status"])


def finish(run_id: int, status: str) -> Response:
    """Answer a run that was just requested: a plan as it is, one under way after working on it."""
    if status == "running":
        try:
            work(run_id)
        except psycopg.Error as error:
            if not (g.get("replayed") and error.sqlstate in OF_THE_FIRST):
                raise
    return _answer(run_id)


def work(run_id: int) -> None:
    """Apply batches until none is left or the time of the request is over."""
    end = monotonic() + current_app.extensions["lockstep"].run_budget
    batch = {"run_id": run_id, "worker": uuid4()}
    try:
        while (pause := database().call("work_on_run", **batch, actor_id=actor().id)["work_on_run"]) is not None:
            if monotonic() + pause.total_seconds() > end:
                break
            sleep(pause.total_seconds())
    finally:
        # Whatever happened, the next request need not wait for the lease to pass.
        with suppress(psycopg.Error, ProblemError):
            database().call("leave_run", **batch)


def _answer(run_id: int, status: int | None = None) -> Response:
    run = database().call("read_run", run_id=run_id)["read_run"]
    return reply(Run, run, status or (202 if run["status"] == "running" else 200))
