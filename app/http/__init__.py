"""HTTP: admins, instructors and students over the functions of the database.

A view is one call of one SQL function. Who may call it stands in `access`, what an error looks like
in `problems`, how a call becomes a transaction in `database`; each noun has a blueprint.
"""

import re
from uuid import uuid4

from flask import Response, g, request
from flask_openapi import OpenAPI
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.http import access, assets, database, licenses, problems, progress, projects, specializations, uploads
from app.http.tokens import Tokens
from app.settings import Settings

BLUEPRINTS = (specializations.api, progress.api, licenses.api, projects.api, assets.api)

PLAIN_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def init_app(app: OpenAPI, settings: Settings) -> None:
    """Give the application its routes, and what holds for all of them."""
    # JSON is read whole into memory; uploads set a larger bound of their own.
    app.config["MAX_CONTENT_LENGTH"] = settings.largest_json
    app.extensions["lockstep.tokens"] = Tokens(settings.token_keys)
    app.before_request(_begin)
    problems.init_app(app)
    database.init_app(app, settings)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    access.init_app(app)
    app.before_request(_read_body)
    app.after_request(_finish)


def _begin() -> None:
    """Give the request an id: the caller's, where it is a plain one, so that one search finds both logs."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = (
        given if 0 < len(given) <= 64 and given.replace("-", "").isalnum() and given.isascii() else uuid4().hex
    )


def _read_body() -> None:
    """Refuse a body that is not JSON, or is broken, before a view looks for fields in it."""
    if uploads.bound() or not (request.content_length or "Transfer-Encoding" in request.headers):
        return
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        request.get_json()
    except RecursionError:
        raise BadRequest from None


def _finish(answer: Response) -> Response:
    answer.headers["X-Request-Id"] = g.request_id
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if g.get("replayed"):
        answer.headers["Idempotent-Replayed"] = "true"
    return answer
