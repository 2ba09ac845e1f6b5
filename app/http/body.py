"""What a body may be: one JSON object in UTF-8, each name in it once.

Whatever else reads JSON between a client and this service may take another of two equal names, or
another encoding: what only some would understand, nobody gets.
"""

import json
from typing import Any

from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.http import uploads
from app.http.access import in_console
from app.http.problems import ProblemError


class StrictJSON(DefaultJSONProvider):
    """JSON as the standard has it."""

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read a text. Raises ValueError, or RecursionError for one nested too deeply."""
        text = s.decode() if isinstance(s, bytes) else s
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)


def init_app(app: Flask) -> None:
    """Look at every body before a view does."""
    app.json = StrictJSON(app)
    app.before_request(_read)


def _read() -> None:
    """Refuse a body that is not JSON, or is broken, before a view looks for fields in it."""
    if in_console():
        if request.method == "POST" and request.mimetype != "application/x-www-form-urlencoded":
            raise UnsupportedMediaType
        return
    without = not (request.content_length or "Transfer-Encoding" in request.headers)
    if uploads.bound() or without or request.endpoint is None:
        return
    if not request.is_json:
        raise UnsupportedMediaType
    request.get_data()
    # Of a body without a length werkzeug takes what fits: reading on raises 413 if there is more.
    request.stream.read(1)
    try:
        read = request.get_json()
    except RecursionError:
        raise BadRequest from None
    if not isinstance(read, dict):
        # A text would be read as JSON once more.
        raise ProblemError("invalid_request", errors=[{"field": "", "message": "the body is not an object"}])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return read


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
