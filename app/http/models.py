"""Shapes that several blueprints share: what comes in, and what an answer holds."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from flask import Response, jsonify
from pydantic import BaseModel, BeforeValidator, Field

from app.db import Row
from app.http.database import Options

LARGEST_ID = 2**63 - 1


def _plain(value: object) -> object:
    """A number in a path has one spelling: not +1, 1.0 or 01, as `int` would read."""
    if isinstance(value, str) and not re.fullmatch(r"[1-9][0-9]*", value):
        raise ValueError("has to be a plain number")
    return value


Id = Annotated[int, BeforeValidator(_plain), Field(ge=1, le=LARGEST_ID)]
Code = Annotated[str, Field(min_length=1, max_length=100, description="The id of a specialization.")]
Xp = Annotated[int, Field(ge=-(2**63), le=LARGEST_ID)]
Count = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Hours = Annotated[float, Field(ge=-999999.99, le=999999.99, description="With two decimals.")]
Reason = Annotated[str, Field(max_length=1000)]
Direction = Annotated[
    Literal["progress_to_license", "license_to_progress", "to_higher_level"],
    Field(description="Which side the other takes its level from."),
]

# Of a form's field that may be left out. Its type does not say `| None`: the library reads as text
# only what the schema says is a string, and the title `7` would become a number.
LEFT_OUT: Any = None

BEARER: list[dict[str, list[Any]]] = [{"bearer": []}]


class Body(BaseModel):
    """A body: a field that nobody knows is a mistake, not something to ignore, and so is "5" for 5."""

    model_config = {"extra": "forbid", "strict": True}


class UserPath(BaseModel):
    """Whose."""

    user_id: Id


class PairPath(UserPath):
    """Whose, and in which specialization."""

    specialization: Code


class KeyHeader(BaseModel):
    """A key that makes a request safe to repeat."""

    key: str | None = Field(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key and body get the first answer, and change nothing more.",
    )


class DryRunQuery(BaseModel):
    """Whether to change anything."""

    model_config = {"extra": "forbid"}

    dry_run: bool = Field(False, description="Answer what would happen, and take it back.")


class FieldProblem(BaseModel):
    """A field that is wrong."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457); docs/errors.md is the register."""

    model_config = {"extra": "allow"}

    type: str
    title: str
    status: int
    code: str
    error_type: str
    retry: bool = Field(description="Nothing was changed, and the same request may succeed later.")
    request_id: str | None = Field(description="Finds the line in the log of the service.")
    detail: str | None = None
    hint: str | None = None
    sqlstate: str | None = None
    errors: list[FieldProblem] | None = None


def options(header: KeyHeader, query: DryRunQuery | None = None) -> Options:
    """How the call is made. A dry run claims no key: it is for show."""
    dry_run = query is not None and query.dry_run
    return Options(None if dry_run else header.key, dry_run)


def problems(*statuses: int) -> dict[str | int, Any]:
    """Document the errors of a route: these, and those that every route has."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {
        str(status): {"description": "Problem", "content": content}
        for status in sorted({400, 401, 403, 413, 415, 422, 500, 503, *statuses})
    }


def reply(model: type[BaseModel], row: Row | Mapping[str, Any], status: int = 200) -> Response:
    """Answer a row in the shape of a model."""
    answer = jsonify(model.model_validate(row).model_dump(mode="json"))
    answer.status_code = status
    return answer
