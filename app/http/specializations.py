"""The catalogue: specializations and their levels."""

from flask import Response, request
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel

from app.http.database import database
from app.http.models import BEARER, problems, reply

api = APIBlueprint(
    "specializations",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="specializations")],
    abp_security=BEARER,
)

# Seconds for which a client need not ask again: levels change a few times a year, and nobody writes by this answer.
FRESH = 60


class Level(BaseModel):
    """What reaching a level takes, since the start; level 1 is where everybody begins."""

    level: int
    name: str
    required_xp: int
    required_sessions: int
    theory_hours: float | None
    practice_hours: float | None
    total_hours: float | None


class Specialization(BaseModel):
    """A specialization with its levels."""

    id: str
    name: str
    icon: str | None
    max_levels: int
    is_active: bool
    levels: list[Level]


class Catalogue(BaseModel):
    """All of them: there are few, so this list has no pages."""

    items: list[Specialization]


@api.get("/specializations", responses={200: Catalogue, 304: None, **problems()})
def list_all() -> Response:
    """List the specializations, each with its levels; 304 where the ETag that a client has is still good."""
    answer = reply(Catalogue, {"items": database().rows("list_specializations")})
    # The same bytes have the same tag, whichever process answers.
    answer.add_etag()
    answer.cache_control.private = True
    answer.cache_control.max_age = FRESH
    answer.make_conditional(request)
    return answer
