"""Pairs out of step: find them, choose some, and plan their repair; an instructor repairs one at a time."""

from typing import Literal

from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from app.console.visitor import form
from app.http.access import actor
from app.http.database import Options, database
from app.http.models import Code, Direction, Id
from app.http.paging import PageQuery, page

DIRECTIONS = {
    "to_higher_level": "to the higher level",
    "progress_to_license": "from progress to license",
    "license_to_progress": "from license to progress",
}
ISSUES = ("level_mismatch", "missing_license", "missing_progress")


class DesyncQuery(PageQuery):
    """Which pairs."""

    limit: int = Field(50, ge=1, le=200)
    specialization: Code | None = None
    issue: Literal["level_mismatch", "missing_license", "missing_progress"] | None = None


class RepairQuery(BaseModel):
    """How one pair would be repaired."""

    direction: Direction = "to_higher_level"


class Repair(RepairQuery):
    """How one pair is to be repaired, and why."""

    user_id: Id
    specialization: Code
    reason: str = Field(max_length=1000)


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/desync", "list_desync", list_desync)
    pages.add_url_rule("/desync/repair", "show_repair", show_repair)
    pages.add_url_rule("/desync/repair", "repair", repair, methods=["POST"])


def list_desync() -> str:
    """List the pairs out of step that the visitor may see."""
    query = DesyncQuery.model_validate({name: value for name, value in request.args.items() if value})
    user_id, specialization = query.key(int, str)
    rows = database().rows(
        "list_desync",
        actor_id=actor().id,
        specialization_id=query.specialization,
        issue_type=query.issue,
        after_user_id=user_id,
        after_specialization=specialization,
        limit=query.limit + 1,
    )
    return render_template(
        "console/desync.html",
        **page(rows, query.limit, "user_id", "specialization"),
        query=query,
        specializations=database().rows("list_specializations"),
        directions=DIRECTIONS,
        issues=ISSUES,
    )


def show_repair() -> str:
    """Show what a repair of one pair would do, and change nothing."""
    query = Repair.model_validate({**request.args.to_dict(), "reason": ""})
    before = database().call(
        "read_consistency", actor_id=actor().id, user_id=query.user_id, specialization_id=query.specialization
    )
    return render_template(
        "console/repair.html",
        query=query,
        before=before,
        outcome=_repair(query, Options(dry_run=True)),
        directions=DIRECTIONS,
    )


def repair() -> Response:
    """Repair one pair; it is a run of its own, in the ledger."""
    query = form(Repair)
    outcome = _repair(query, Options())
    return redirect(url_for("console.list_desync", done="repaired" if outcome["synced"] else "not-repaired"), 303)


def _repair(query: Repair, options: Options) -> dict[str, object]:
    return database().call(
        "repair_user",
        options,
        actor_id=actor().id,
        user_id=query.user_id,
        specialization_id=query.specialization,
        direction=query.direction,
        reason=query.reason,
    )
