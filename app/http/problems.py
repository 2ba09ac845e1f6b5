"""Every error of the API as a problem document (RFC 9457), from the register in app.errors."""

import logging
import re
from typing import Any

import psycopg
from flask import Flask, Response, g, jsonify
from psycopg_pool import PoolTimeout, TooManyRequests
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from app.errors import Condition, Problem, describe, named

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# Seconds until a client should ask again, where nothing more is known.
RETRY_AFTER = 1

# What werkzeug raises, by status; anything else below 500 is malformed_request.
_OF_WERKZEUG = {
    404: "route_not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
}


class ProblemError(Exception):
    """A refusal that the HTTP layer makes itself, by its code in the register.

    `members` are further members of the document; `headers` go with the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        headers: dict[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(code)
        self.condition = named(code)
        self.detail = detail
        self.headers = headers or {}
        self.members = members


def init_app(app: Flask) -> None:
    """Answer every error of this application with a problem document."""
    app.register_error_handler(ProblemError, _of_problem)
    app.register_error_handler(psycopg.Error, _of_database)
    app.register_error_handler(HTTPException, _of_werkzeug)
    app.register_error_handler(Exception, _of_mistake)


def of(error: Exception) -> Response:
    """Answer whatever went wrong with the document that the API would give."""
    if isinstance(error, ValidationError):
        return of_validation(error)
    if isinstance(error, ProblemError):
        return _of_problem(error)
    if isinstance(error, psycopg.Error):
        return _of_database(error)
    return _of_werkzeug(error) if isinstance(error, HTTPException) else _of_mistake(error)


def of_validation(error: ValidationError) -> Response:
    """Name each field that is wrong, by its path, and not the value that was sent: it may be a secret."""
    errors = [
        {"field": ".".join(str(part) for part in entry["loc"]), "message": entry["msg"]} for entry in error.errors()
    ]
    return document(named("invalid_request"), errors=errors)


def document(
    condition: Condition, detail: str | None = None, headers: dict[str, str] | None = None, **members: object
) -> Response:
    """Build the answer."""
    body: dict[str, Any] = {
        "type": f"/problems/{condition.code}",
        "title": condition.message[0].upper() + condition.message[1:],
        "status": condition.status,
        "code": condition.code,
        "error_type": condition.error_type,
        "retry": condition.retry,
        "request_id": g.get("request_id"),
    }
    if detail:
        body["detail"] = detail
    answer = jsonify(body | members)
    answer.status_code = condition.status
    answer.content_type = MEDIA_TYPE
    if condition.retry:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    if condition.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    answer.headers.update(headers or {})
    g.problem = condition.code
    return answer


def _of_problem(error: ProblemError) -> Response:
    return document(error.condition, error.detail, error.headers, **error.members)


def _of_database(error: psycopg.Error) -> Response:
    if isinstance(error, PoolTimeout | TooManyRequests):
        return document(named("pool_exhausted"))
    problem = describe(error)
    g.sqlstate = error.sqlstate
    if problem.condition.status >= 500 and not problem.condition.retry:
        log.error("the database failed", exc_info=error)
    headers = {}
    # Who knows how long it takes says so in the detail, which is ours.
    if wait := re.fullmatch(r"seconds=([0-9]+)", problem.detail or ""):
        headers["Retry-After"] = wait[1]
    if "current_version" in problem.members:
        headers["ETag"] = f'"{problem.members["current_version"]}"'
    return document(problem.condition, problem.detail, headers, **_members(problem, error))


def _members(problem: Problem, error: psycopg.Error) -> dict[str, Any]:
    """The SQLSTATE, what the function tells a program, and what to do: our hints are written for callers."""
    members: dict[str, Any] = {"sqlstate": error.sqlstate, **problem.members}
    if problem.detail and error.diag.message_hint:
        members["hint"] = error.diag.message_hint
    return members


def _of_werkzeug(error: HTTPException) -> Response:
    if error.response is not None:  # a finished answer, as of a refused validation
        return error.response  # type: ignore[return-value]
    code = _OF_WERKZEUG.get(error.code or 500, "malformed_request" if (error.code or 500) < 500 else "internal_error")
    allowed = getattr(error, "valid_methods", None)
    return document(named(code), headers={"Allow": ", ".join(sorted(allowed))} if allowed else None)


def _of_mistake(error: Exception) -> Response:
    log.error("unexpected", exc_info=error)
    return document(named("internal_error"))
