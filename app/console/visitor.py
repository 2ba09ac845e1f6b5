"""Who sits at the browser, by a signed cookie, and whether a form is one that we gave them.

The cookie names a session of the same table as a token does, and the database looks at that session in
every transaction: so a sign-out or a deactivation ends it at once. It is renewed while it is used and ends
after half an hour without a request; nothing is kept here, so two tabs never race for a new one.
"""

import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, Response, current_app, g, request
from pydantic import BaseModel

from app.http.access import Actor
from app.http.problems import ProblemError
from app.http.tokens import CONSOLE_LIFETIME, Tokens

COOKIE = "lockstep_console"

# Seconds after which a cookie that is used is replaced by a newer one.
RENEWED_AFTER = 60

# Pages that ask again by themselves: nobody is there because of them.
UNATTENDED = frozenset({"console.static", "console.watch_locks"})

# Nothing but this installation's files, and nothing that is written into a page.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

Form = TypeVar("Form", bound=BaseModel)


@dataclass(frozen=True)
class Visitor:
    """A browser, signed in or not yet; csrf is what its forms bring back, made is when the cookie was, in seconds."""

    signed_in: Actor | None
    email: str
    csrf: str
    made: int

    def claims(self) -> dict[str, str]:
        """What is written into the cookie."""
        claims = {"csrf": self.csrf}
        if self.signed_in:
            who = self.signed_in
            claims |= {"sub": str(who.id), "sid": str(who.session_id), "role": who.role, "email": self.email}
        return claims


def init_app(pages: Blueprint) -> None:
    """Read the cookie where a page needs it, check every form, and renew the cookie afterwards."""
    pages.before_request(_check_form)
    pages.after_request(_finish)


def visitor() -> Visitor:
    """Who is at the browser of the present request."""
    if "visitor" not in g:
        g.visitor = _read()
    found: Visitor = g.visitor
    return found


def welcome(actor: Actor, email: str) -> None:
    """Sign the browser in: a new cookie, whose forms are new too."""
    g.visitor = Visitor(actor, email, secrets.token_urlsafe(24), 0)


def forget() -> None:
    """Sign the browser out."""
    g.visitor = Visitor(None, "", secrets.token_urlsafe(24), 0)


def form(model: type[Form]) -> Form:
    """Read the form that was sent. Raises pydantic.ValidationError for one that is not as it should be."""
    fields = {name: values if name in ("pair",) else values[0] for name, values in request.form.lists()}
    fields.pop("csrf", None)
    return model.model_validate({name: value for name, value in fields.items() if value != ""})


def inside(path: str) -> str | None:
    """The path, where it is one of the console: no other site, in any browser's reading."""
    return path if re.fullmatch(r"/admin(?:/[A-Za-z0-9_-]+)*(?:\?[A-Za-z0-9_.=&%+-]*)?", path) else None


def _read() -> Visitor:
    try:
        claims = _tokens().read_console(request.cookies.get(COOKIE, ""))
        actor = Actor(int(claims["sub"]), UUID(claims["sid"]), claims["role"]) if "sub" in claims else None
        return Visitor(actor, claims.get("email", ""), claims["csrf"], claims["iat"])
    except (ValueError, KeyError):
        return Visitor(None, "", secrets.token_urlsafe(24), 0)


def _check_form() -> None:
    """Refuse a form that another site had the browser send."""
    if request.method == "POST" and not hmac.compare_digest(
        request.form.get("csrf", "").encode(), visitor().csrf.encode()
    ):
        raise ProblemError("form_refused")


def _finish(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    found: Visitor | None = g.get("visitor")
    if found and request.endpoint not in UNATTENDED and found.made < time.time() - RENEWED_AFTER:
        keep(answer)
    return answer


def keep(answer: Response) -> None:
    """Have the browser keep who it is."""
    answer.set_cookie(
        COOKIE,
        _tokens().issue_console(**visitor().claims()),
        max_age=CONSOLE_LIFETIME,
        path="/admin",
        secure=request.is_secure or current_app.extensions["lockstep"].public_url.startswith("https:"),
        httponly=True,
        samesite="Strict",
    )


def _tokens() -> Tokens:
    tokens: Tokens = current_app.extensions["lockstep.tokens"]
    return tokens
