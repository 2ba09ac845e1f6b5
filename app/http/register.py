"""What the `type` of a problem document points at: its line in the register of errors."""

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app.errors import named
from app.http.models import problems, reply
from app.http.problems import ProblemError

api = APIBlueprint("problems", __name__, url_prefix="/problems", abp_tags=[Tag(name="problems")])


class ProblemPath(BaseModel):
    """Which."""

    code: str = Field(max_length=100)


class RegisterLine(BaseModel):
    """What an error means."""

    code: str
    title: str
    meaning: str
    status: int
    error_type: str
    retry: bool = Field(description="Nothing was changed, and the same request may succeed later.")
    sqlstate: str | None = Field(description="Null for what only HTTP says; `***` stands for the rest of a class.")


@api.get("/<code>", responses={200: RegisterLine, **problems(404)})
def read(path: ProblemPath) -> Response:
    """Explain a code of an error."""
    try:
        condition = named(path.code)
    except KeyError:
        raise ProblemError("route_not_found") from None
    return reply(
        RegisterLine,
        {
            "code": condition.code,
            "title": condition.message,
            "meaning": condition.meaning,
            "status": condition.status,
            "error_type": condition.error_type,
            "retry": condition.retry,
            "sqlstate": condition.sqlstate or None,
        },
    )
