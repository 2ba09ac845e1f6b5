"""Runs: plans as a diff, applied and undone; the ledger says who asked for them, and why."""

import json
from typing import Annotated, Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from pydantic import BaseModel, Field, model_validator
from werkzeug.wrappers import Response as AnyResponse

from app.console.desync import DIRECTIONS
from app.console.visitor import form
from app.db import Row
from app.http import runs
from app.http.access import actor
from app.http.database import Options, database
from app.http.models import Code, Direction
from app.http.paging import PageQuery, page

Key = Annotated[str, Field(min_length=1, max_length=100)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]

# Levels afterwards, by what the item does; None: as before.
CHANGES = {
    "create_license": (False, True),
    "update_license": (False, True),
    "create_progress": (True, False),
    "update_progress": (True, False),
    "restore": (True, True),
}


class Plan(BaseModel):
    """What to plan: the pairs that were chosen, or all that the filter finds."""

    model_config = {"extra": "forbid"}

    direction: Direction
    reason: Reason
    key: Key
    pair: list[Annotated[str, Field(pattern=r"^[0-9]{1,19}:.{1,100}$")]] = []
    everything: bool = False
    specialization: Code | None = None

    @model_validator(mode="after")
    def _choice(self) -> "Plan":
        if not (self.pair or self.everything):
            raise ValueError("choose at least one pair")
        return self


class Undo(BaseModel):
    """Why, and the key of this one form."""

    model_config = {"extra": "forbid"}

    reason: Reason
    key: Key


class ItemsQuery(PageQuery):
    """Which items."""

    limit: int = Field(100, ge=1, le=1000)


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/runs", "list_runs", list_runs)
    pages.add_url_rule("/runs", "plan", plan, methods=["POST"])
    pages.add_url_rule("/runs/<int:run_id>", "read_run", read_run)
    pages.add_url_rule("/runs/<int:run_id>/run.json", "download_run", download_run)
    pages.add_url_rule("/runs/<int:run_id>/apply", "apply", apply, methods=["POST"])
    pages.add_url_rule("/runs/<int:run_id>/undo", "undo", undo, methods=["POST"])


def list_runs() -> str:
    """List the runs, newest first."""
    query = PageQuery.model_validate({"limit": 50, **request.args.to_dict()})
    (before,) = query.key(int)
    rows = database().rows("list_runs", before_id=before, limit=query.limit + 1)
    return render_template("console/runs.html", **page(rows, query.limit, "run_id"), directions=DIRECTIONS)


def plan() -> AnyResponse:
    """Plan a repair, which changes nothing, and show it."""
    wanted = form(Plan)
    pairs = [dict(zip(("user_id", "specialization_id"), text.split(":", 1), strict=True)) for text in wanted.pair]
    run = database().call(
        "request_run",
        Options(key=wanted.key),
        actor_id=actor().id,
        direction=wanted.direction,
        specialization_id=wanted.specialization if wanted.everything else None,
        reason=wanted.reason,
        pairs=None if wanted.everything else json.dumps(pairs),
    )
    return _to(run["id"])


def read_run(run_id: int) -> str:
    """Show a run, and what it is to do to each pair, before and after."""
    query = ItemsQuery.model_validate(request.args.to_dict())
    user_id, specialization = query.key(int, str)
    rows = database().rows(
        "list_run_items",
        run_id=run_id,
        after_user_id=user_id,
        after_specialization=specialization,
        limit=query.limit + 1,
    )
    shown = page(rows, query.limit, "user_id", "specialization")
    run = database().call("read_run", run_id=run_id)["read_run"]
    return render_template(
        "console/run.html",
        run=run,
        items=[item | after(item) for item in shown["items"]],
        next=shown["next"],
        directions=DIRECTIONS,
        can_undo=run["status"] in ("success", "partial_failure", "failed") and not run["dry_run"],
    )


def after(item: Row) -> dict[str, int | None]:
    """The levels of both sides once the item is done."""
    progress, license = CHANGES.get(item["action"], (False, False))
    return {
        "progress_after": item["expected_level"] if progress else item["progress_level"],
        "license_after": item["expected_level"] if license else item["license_level"],
    }


def download_run(run_id: int) -> Response:
    """Hand a run out as the JSON document that the API gives."""
    run: Any = runs.Run.model_validate(database().call("read_run", run_id=run_id)["read_run"]).model_dump(mode="json")
    answer = Response(json.dumps(run, indent=2, ensure_ascii=False), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="run-{run_id}.json"'
    return answer


def apply(run_id: int) -> AnyResponse:
    """Apply a plan, or go on with a run."""
    runs.work(run_id)
    return _to(run_id)


def undo(run_id: int) -> AnyResponse:
    """Plan the undo of a run, and show it: it is a run too."""
    wanted = form(Undo)
    run = database().call(
        "request_undo",
        Options(key=wanted.key),
        actor_id=actor().id,
        run_id=run_id,
        dry_run=True,
        reason=wanted.reason,
    )
    return _to(run["id"])


def _to(run_id: int) -> AnyResponse:
    return redirect(url_for("console.read_run", run_id=run_id), 303)
