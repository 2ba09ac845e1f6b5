"""Licenses: advancing one, and bringing those that are out of step back."""

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app import client
from app.http.access import actor
from app.http.database import Options, database
from app.http.models import (
    BEARER,
    Body,
    Code,
    Count,
    Direction,
    DryRunQuery,
    Id,
    KeyHeader,
    Reason,
    UserPath,
    options,
    problems,
    reply,
)
from app.http.paging import PageQuery, page
from app.http.progress import LevelChange
from app.http.runs import Run, finish

api = APIBlueprint(
    "licenses",
    __name__,
    url_prefix="/api/v1/licenses",
    abp_tags=[Tag(name="licenses")],
    abp_security=BEARER,
)


class Advance(Body):
    """A level for somebody, and why."""

    user_id: Id
    specialization: Code
    target_level: Count
    reason: Reason | None = None


class DesyncQuery(PageQuery):
    """Which pairs."""

    specialization: Code | None = None


class DesyncIssue(BaseModel):
    """A pair whose records disagree."""

    user_id: int
    user_email: str | None
    specialization: str
    progress_level: int | None
    license_level: int | None
    difference: int | None = Field(description="Progress minus license; null where a side is missing.")
    issue_type: str
    recommended_action: str


class DesyncIssues(BaseModel):
    """A page of them."""

    items: list[DesyncIssue]
    next: str | None


class SyncOne(Body):
    """What to repair."""

    specialization: Code
    direction: Direction


class SyncAllOfOne(Body):
    """How to repair."""

    direction: Direction


class SyncAll(Body):
    """How to repair everybody; only listed, unless told otherwise."""

    direction: Direction
    dry_run: bool = Field(True, description="Only list what would be done; `/api/v1/runs/{run_id}/apply` does it then.")
    specialization: Code | None = None
    limit: Id | None = Field(None, description="Pairs, at most.")
    reason: Reason | None = None


class SyncOutcome(BaseModel):
    """What became of one pair."""

    success: bool
    message: str
    action: str
    old_level: int | None
    new_level: int | None
    synced: bool
    specialization: str
    dry_run: bool = False


class SyncOutcomes(BaseModel):
    """What became of each pair that was out of step."""

    success: bool = Field(description="Whether every one of them is in step now.")
    user_id: int
    results: list[SyncOutcome]
    dry_run: bool = False


@api.post("/advance", responses={200: LevelChange, **problems(404, 409)})
def advance(header: KeyHeader, query: DryRunQuery, body: Advance) -> Response:
    """Set the level of somebody's license, and of their progress."""
    row = database().call(
        "set_level",
        Options(dry_run=query.dry_run),
        actor_id=actor().id,
        user_id=body.user_id,
        specialization_id=body.specialization,
        new_level=body.target_level,
        reason=body.reason,
        idempotency_key=None if query.dry_run else header.key,
    )
    return reply(LevelChange, client.level_change(row) | {"dry_run": query.dry_run})


@api.get("/admin/sync/desync-issues", responses={200: DesyncIssues, **problems(404)})
def list_desync(query: DesyncQuery) -> Response:
    """List the pairs that are out of step; an instructor sees those of their students."""
    user_id, specialization = query.key(int, str)
    rows = database().rows(
        "list_desync",
        actor_id=actor().id,
        specialization_id=query.specialization,
        after_user_id=user_id,
        after_specialization=specialization,
        limit=query.limit + 1,
    )
    return reply(DesyncIssues, page(rows, query.limit, "user_id", "specialization"))


@api.post("/admin/sync/user/<user_id>", responses={200: SyncOutcome, **problems(404, 409)})
def sync_user(path: UserPath, header: KeyHeader, query: DryRunQuery, body: SyncOne) -> Response:
    """Repair one pair of somebody."""
    row = database().call(
        "repair_user",
        options(header, query),
        actor_id=actor().id,
        user_id=path.user_id,
        specialization_id=body.specialization,
        direction=body.direction,
    )
    return reply(SyncOutcome, _outcome(row, query.dry_run))


@api.post("/admin/sync/user/<user_id>/all", responses={200: SyncOutcomes, **problems(404, 409)})
def sync_user_all(path: UserPath, header: KeyHeader, query: DryRunQuery, body: SyncAllOfOne) -> Response:
    """Repair every pair of somebody that is out of step."""
    rows = database().rows(
        "repair_user_all",
        options(header, query),
        actor_id=actor().id,
        user_id=path.user_id,
        direction=body.direction,
    )
    results = [_outcome(row, query.dry_run) for row in rows]
    answer = {"success": all(result["synced"] for result in results), "user_id": path.user_id, "results": results}
    return reply(SyncOutcomes, answer | {"dry_run": query.dry_run})


@api.post("/admin/sync/all", responses={200: Run, 202: Run, **problems(404, 409)})
def sync_all(header: KeyHeader, body: SyncAll) -> Response:
    """Repair everybody, or list what that would do. 202: `/api/v1/runs/{run_id}/apply` goes on with it."""
    run = database().call(
        "request_run",
        options(header),
        actor_id=actor().id,
        direction=body.direction,
        specialization_id=body.specialization,
        limit=body.limit,
        dry_run=body.dry_run,
        reason=body.reason,
    )
    return finish(run["id"], run["status"])


def _outcome(row: client.Answer, dry_run: bool) -> client.Answer:
    answer = client.sync_outcome(row)
    # Skipped, or failed: the record is not in step.
    success = row["action"] != "skipped"
    return answer | {"success": success, "specialization": row["specialization_id"], "dry_run": dry_run}
