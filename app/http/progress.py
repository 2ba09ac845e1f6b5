"""What a person has earned and holds, and the changes of it."""

from datetime import datetime

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app import client
from app.http.access import actor
from app.http.database import Options, database
from app.http.models import (
    BEARER,
    Body,
    Count,
    DryRunQuery,
    Hours,
    KeyHeader,
    PairPath,
    Reason,
    UserPath,
    Xp,
    problems,
    reply,
)
from app.http.paging import PageQuery, page

api = APIBlueprint(
    "progress",
    __name__,
    url_prefix="/api/v1/users",
    abp_tags=[Tag(name="progress")],
    abp_security=BEARER,
)


class Pair(BaseModel):
    """Progress and license in one specialization; hours and XP are totals since the start."""

    user_id: int
    specialization: str
    progress_level: int | None
    license_level: int | None
    max_achieved_level: int | None
    consistent: bool
    total_xp: int | None
    completed_sessions: int | None
    completed_projects: int | None
    theory_hours: float | None
    practice_hours: float | None
    last_activity: datetime | None
    started_at: datetime | None
    last_advanced_at: datetime | None
    license_is_active: bool | None
    level_name: str | None
    next_level: int | None
    next_level_name: str | None
    next_required_xp: int | None
    next_required_sessions: int | None
    next_theory_hours: float | None
    next_practice_hours: float | None


class Pairs(BaseModel):
    """One a specialization that was begun."""

    items: list[Pair]


class Award(Body):
    """What was earned."""

    xp_gained: Xp = 0
    sessions_completed: Count = 0
    projects_completed: Count = 0
    theory_hours: Hours = 0
    practice_hours: Hours = 0
    reason: Reason | None = None


class NewLevel(Body):
    """The level to set, up or down, and what is added to the totals besides."""

    new_level: Count
    xp_change: Xp = 0
    sessions_change: Count = 0
    projects_change: Count = 0
    theory_hours_change: Hours = 0
    practice_hours_change: Hours = 0
    reason: Reason | None = None


class ProgressChange(BaseModel):
    """One side of a change."""

    old_level: int | None
    new_level: int
    total_xp: int
    completed_sessions: int
    completed_projects: int
    theory_hours: float
    practice_hours: float


class LicenseChange(BaseModel):
    """The other side."""

    old_level: int | None
    new_level: int
    max_achieved_level: int


class LevelChange(BaseModel):
    """What a call did to both records."""

    success: bool
    message: str
    progress: ProgressChange
    license: LicenseChange
    progression_created: bool
    xp_change: int
    sessions_change: int
    replayed: bool
    desync: bool = False
    dry_run: bool = False


class HistoryEntry(BaseModel):
    """A level change."""

    id: int
    from_level: int | None
    progress_from_level: int | None
    to_level: int
    advanced_by: int | None
    reason: str | None
    requirements_met: str | None
    route: str
    application_name: str | None
    advanced_at: datetime


class History(BaseModel):
    """A page of them, newest first."""

    items: list[HistoryEntry]
    next: str | None


class Consistency(BaseModel):
    """Whether both records agree, and what to do if not."""

    consistent: bool
    message: str
    progress_exists: bool
    license_exists: bool
    progress_level: int | None
    license_level: int | None
    difference: int | None = Field(description="Progress minus license.")
    recommended_action: str | None
    level: int | None = None


@api.get("/<user_id>/progress", responses={200: Pairs, **problems(404)})
def read_all(path: UserPath) -> Response:
    """Read every pair of a person."""
    rows = database().rows("read_progress", actor_id=actor().id, user_id=path.user_id)
    return reply(Pairs, {"items": rows})


@api.get("/<user_id>/progress/<specialization>", responses={200: Pair, **problems(404)})
def read_one(path: PairPath) -> Response:
    """Read one pair of a person."""
    row = database().call("read_progress", **_pair(path))
    return reply(Pair, row)


@api.post("/<user_id>/progress/<specialization>/xp", responses={200: LevelChange, **problems(404, 409)})
def award_xp(path: PairPath, header: KeyHeader, query: DryRunQuery, body: Award) -> Response:
    """Add what was earned, and raise both records as far as the totals reach."""
    return _changed("award_xp", path, header, query, body)


@api.put("/<user_id>/progress/<specialization>/level", responses={200: LevelChange, **problems(404, 409)})
def set_level(path: PairPath, header: KeyHeader, query: DryRunQuery, body: NewLevel) -> Response:
    """Set the level of both records, up or down."""
    return _changed("set_level", path, header, query, body)


@api.get("/<user_id>/progress/<specialization>/history", responses={200: History, **problems(404)})
def read_history(path: PairPath, query: PageQuery) -> Response:
    """List the level changes of a pair, newest first."""
    (before,) = query.key(int)
    rows = database().rows("read_history", **_pair(path), before_id=before, limit=query.limit + 1)
    return reply(History, page(rows, query.limit, "id"))


@api.get("/<user_id>/progress/<specialization>/consistency", responses={200: Consistency, **problems(404)})
def read_consistency(path: PairPath) -> Response:
    """Say whether both records agree."""
    return reply(Consistency, client.consistency(database().call("read_consistency", **_pair(path))))


def _pair(path: PairPath) -> dict[str, object]:
    return {"actor_id": actor().id, "user_id": path.user_id, "specialization_id": path.specialization}


def _changed(function: str, path: PairPath, header: KeyHeader, query: DryRunQuery, body: Body) -> Response:
    row = database().call(
        function,
        Options(dry_run=query.dry_run),
        **_pair(path),
        **body.model_dump(),
        idempotency_key=None if query.dry_run else header.key,
    )
    return reply(LevelChange, client.level_change(row) | {"dry_run": query.dry_run})
