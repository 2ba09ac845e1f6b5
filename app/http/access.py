"""Who may call which route: the one table of roles and the check before a view.

The database decides again, in the transaction of the call: authenticate() knows a role that changed
since the token was made, and check_access() whose student somebody is.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from flask import Flask, current_app, g, request

from app.errors import named
from app.http.problems import ProblemError

Role = Literal["student", "instructor", "admin"]
Pool = Literal["app", "auth", "admin"]


@dataclass(frozen=True)
class Access:
    """Who may call a route, and the database role that it calls as; no roles: anybody, without a token."""

    roles: frozenset[Role]
    pool: Pool = "app"


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


PUBLIC = Access(_roles(), "auth")
EVERYBODY = Access(_roles("student", "instructor", "admin"))
STAFF = Access(_roles("instructor", "admin"))
ADMINS = Access(_roles("admin"), "admin")
SELF = Access(_roles("student", "instructor", "admin"), "auth")
SERVICE = Access(_roles())

SAFE = frozenset({"GET", "HEAD"})

# The blueprint whose callers are known by a cookie, not by a token in a header.
CONSOLE = "console"

# By endpoint: blueprint and view. A route without a line is refused at start-up.
ROUTES: dict[str, Access] = {
    "static": PUBLIC,
    "openapi.static": PUBLIC,
    "openapi.doc_url": PUBLIC,
    "openapi.openapi": PUBLIC,
    "swagger.static": PUBLIC,
    "swagger.swagger": PUBLIC,
    "swagger.oauth2-redirect": PUBLIC,
    "service.healthz": SERVICE,
    "service.readyz": SERVICE,
    "service.show_metrics": SERVICE,
    "problems.read": PUBLIC,
    "auth.login": PUBLIC,
    "auth.refresh": PUBLIC,
    "auth.logout": SELF,
    "auth.change_password": SELF,
    "auth.create_reset": ADMINS,
    "auth.use_reset": PUBLIC,
    "oidc.login": PUBLIC,
    "oidc.callback": PUBLIC,
    "specializations.list_all": EVERYBODY,
    "progress.read_all": EVERYBODY,
    "progress.read_one": EVERYBODY,
    "progress.award_xp": STAFF,
    "progress.set_level": STAFF,
    "progress.read_history": EVERYBODY,
    "progress.read_consistency": EVERYBODY,
    "licenses.advance": STAFF,
    "licenses.list_desync": STAFF,
    "licenses.sync_user": STAFF,
    "licenses.sync_user_all": STAFF,
    "licenses.sync_all": ADMINS,
    "runs.list_all": ADMINS,
    "runs.plan": ADMINS,
    "runs.read": ADMINS,
    "runs.list_items": ADMINS,
    "runs.apply": ADMINS,
    "runs.undo": ADMINS,
    "health.read": ADMINS,
    "users.read_me": EVERYBODY,
    "users.list_all": STAFF,
    "users.create": ADMINS,
    "users.read": EVERYBODY,
    "users.change": ADMINS,
    "users.deactivate": ADMINS,
    "users.reactivate": ADMINS,
    "users.export": ADMINS,
    "users.erase": ADMINS,
    "users.link_identity": ADMINS,
    "users.unlink_identity": ADMINS,
    "groups.list_all": STAFF,
    "groups.create": ADMINS,
    "groups.read": STAFF,
    "groups.rename": ADMINS,
    "groups.delete": ADMINS,
    "groups.list_members": STAFF,
    "groups.add_member": ADMINS,
    "groups.remove_member": ADMINS,
    "projects.create": EVERYBODY,
    "projects.list_all": EVERYBODY,
    "projects.read": EVERYBODY,
    "projects.replace": EVERYBODY,
    "projects.change": EVERYBODY,
    "projects.delete": EVERYBODY,
    "projects.read_file": EVERYBODY,
    "projects.list_revisions": EVERYBODY,
    "projects.read_revision": EVERYBODY,
    "projects.read_revision_file": EVERYBODY,
    "projects.restore": EVERYBODY,
    "projects.copy": EVERYBODY,
    "projects.list_shares": EVERYBODY,
    "projects.share": EVERYBODY,
    "projects.unshare_user": EVERYBODY,
    "projects.unshare_group": EVERYBODY,
    "assets.upload": EVERYBODY,
    "assets.read": EVERYBODY,
    "console.static": PUBLIC,
    "console.not_found": PUBLIC,
    "console.show_sign_in": PUBLIC,
    "console.sign_in": PUBLIC,
    "console.sign_out": SELF,
    "console.overview": ADMINS,
    "console.list_desync": STAFF,
    "console.show_repair": STAFF,
    "console.repair": STAFF,
    "console.list_runs": ADMINS,
    "console.plan": ADMINS,
    "console.read_run": ADMINS,
    "console.download_run": ADMINS,
    "console.apply": ADMINS,
    "console.undo": ADMINS,
    "console.find_users": STAFF,
    "console.read_user": STAFF,
    "console.export_user": ADMINS,
    "console.show_erasure": ADMINS,
    "console.erase_user": ADMINS,
    "console.show_levels": ADMINS,
    "console.show_locks": ADMINS,
    "console.watch_locks": ADMINS,
    "console.show_queue": ADMINS,
    "console.requeue": ADMINS,
    "console.discard": ADMINS,
    "console.list_incidents": ADMINS,
    "console.list_guards": ADMINS,
}


@dataclass(frozen=True)
class Actor:
    """Who is calling, as their access token says."""

    id: int
    session_id: UUID
    role: Role


def init_app(app: Flask) -> None:
    """Check the table against the routes, and every request against the table."""
    missing = {rule.endpoint for rule in app.url_map.iter_rules()} - ROUTES.keys()
    if missing:
        raise RuntimeError(f"app/http/access.py has no line for: {', '.join(sorted(missing))}")
    app.before_request(_check)


def actor() -> Actor:
    """The caller of the present request."""
    caller: Actor = g.actor
    return caller


def access() -> Access:
    """The line of the present route."""
    return ROUTES[request.endpoint or ""]


def only_reads() -> bool:
    """Whether a replica may answer the present request.

    What is for admins only asks the server about itself (whether a worker lives, how guards stand).
    """
    return request.method in SAFE and access().pool == "app" and bool(access().roles)


def changes() -> bool:
    """Whether the present request may write: what signs in does so by GET, too."""
    return request.method not in SAFE or access().pool == "auth"


def in_console() -> bool:
    """Whether the request is for a page of the console: a browser's, with a cookie."""
    return request.blueprint == CONSOLE


def _bearer() -> Actor:
    """Who the token says is calling. Raises ProblemError without a good one."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise ProblemError("not_signed_in", "the header Authorization has no bearer token")
    caller: Actor = current_app.extensions["lockstep.tokens"].read_access(token.strip())
    return caller


def _check() -> None:
    """Refuse a request without a good token, or of a role that the route is not for."""
    if request.endpoint is None or not access().roles:  # not routed: 404 or 405 follows
        return
    g.actor = current_app.extensions["lockstep.console"].actor() if in_console() else _bearer()
    if actor().role not in access().roles:
        raise ProblemError(
            named("role_not_allowed").code, f"role={actor().role} allowed={','.join(sorted(access().roles))}"
        )
