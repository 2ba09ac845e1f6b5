"""Health: the share of pairs in step, and what asks for attention."""

from datetime import datetime

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app.http.database import database
from app.http.models import BEARER, problems, reply

api = APIBlueprint("health", __name__, url_prefix="/api/v1/health", abp_tags=[Tag(name="health")], abp_security=BEARER)


class Health(BaseModel):
    """How it stands, as the last check found it."""

    status: str = Field(description="healthy (at least 99 % in step), degraded (95 %), critical, or unknown.")
    last_check: datetime | None
    consistency_rate: float | None = Field(description="Share of pairs in step, in percent.")
    total_checked: int
    total_violations: int
    requires_attention: bool
    oldest_unverified: datetime | None
    last_run: datetime | None
    run_overdue: bool
    broken_guards: int
    message: str


@api.get("", responses={200: Health, **problems()})
def read() -> Response:
    """Read how it stands; the check itself runs every five minutes."""
    return reply(Health, database().call("read_health"))
