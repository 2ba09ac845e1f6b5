"""HTTP: admins, instructors and students over the functions of the database.

A view is one call of one SQL function. Who may call it stands in `access`, what an error looks like
in `problems`, how a call becomes a transaction in `database`; each noun has a blueprint.
"""

import re
import time
from uuid import uuid4

from flask import Response, g, request
from flask_openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from app.http import (
    access,
    assets,
    auth,
    body,
    cors,
    database,
    docs,
    groups,
    health,
    licenses,
    logs,
    metrics,
    oidc,
    problems,
    progress,
    projects,
    register,
    replica,
    runs,
    service,
    specializations,
    users,
)
from app.http.tokens import Tokens
from app.settings import Settings

BLUEPRINTS = (
    service.api,
    register.api,
    auth.api,
    oidc.api,
    specializations.api,
    progress.api,
    licenses.api,
    runs.api,
    health.api,
    users.api,
    groups.api,
    projects.api,
    assets.api,
)

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
    # A path has one spelling: /api//v1 would be sent on, to whatever host the request names.
    app.url_map.merge_slashes = False
    app.extensions["lockstep.tokens"] = Tokens(settings.token_keys, settings.schema)
    if settings.proxies:
        # Exactly so many entries from the right are believed: those before them, anybody can write.
        through = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)
        app.wsgi_app = through  # type: ignore[method-assign]
    oidc.init_app(app, settings)
    app.before_request(_begin)
    # What follows a view runs backwards: the log comes last.
    logs.init_app(app)
    metrics.init_app(app)
    replica.init_app(app)
    cors.init_app(app, settings.service.origins)
    service.init_app(app)
    problems.init_app(app)
    database.init_app(app, settings)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    access.init_app(app)
    body.init_app(app)
    app.after_request(_finish)
    docs.init_app(app)


def _begin() -> None:
    """Give the request an id: the caller's, where it is a plain one, so that one search finds both logs."""
    g.began = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if PLAIN_ID.fullmatch(given) else uuid4().hex


def _finish(answer: Response) -> Response:
    answer.headers["X-Request-Id"] = g.request_id
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if g.get("replayed"):
        answer.headers["Idempotent-Replayed"] = "true"
    return answer
