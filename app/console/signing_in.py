"""Signing in and out: the functions of the API, so the same sessions, and as slow for who guesses."""

from typing import Annotated

import psycopg
from flask import Blueprint, current_app, redirect, render_template, request, url_for
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from app.console.formats import menu
from app.console.visitor import forget, form, inside, visitor, welcome
from app.http import auth
from app.http.access import Actor, actor
from app.http.database import database
from app.http.passwords import Password
from app.http.problems import ProblemError, of

HOME = "/admin"


class SignIn(BaseModel):
    """Who, the proof of it, and the page to go on with."""

    email: Annotated[str, Field(max_length=320)] = ""
    password: Password = " "
    next: str = HOME


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/sign-in", "show_sign_in", show_sign_in)
    pages.add_url_rule("/sign-in", "sign_in", sign_in, methods=["POST"])
    pages.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


def show_sign_in() -> str:
    """The form."""
    visitor()  # whose cookie the form belongs to
    return _form(inside(request.args.get("next", "")) or HOME)


def sign_in() -> Response | tuple[str, int, dict[str, str]]:
    """Sign in, or show the form again, with the error of the register."""
    given = form(SignIn)
    following = inside(given.next)
    try:
        session, _ = auth.sign_in(given.email, given.password)
    except (ProblemError, psycopg.Error) as error:
        refusal = of(error)
        if refusal.status_code not in (401, 429):
            raise
        page = _form(following or HOME, given.email, refusal.get_json())
        headers = {name: refusal.headers[name] for name in ("Retry-After",) if name in refusal.headers}
        return page, refusal.status_code, headers
    welcome(Actor(session["user_id"], session["session_id"], session["role"]), given.email)
    if following in (None, HOME):
        following = url_for(menu()[0][0]) if menu() else HOME
    return redirect(following or HOME, 303)


def sign_out() -> Response:
    """End the session, and with it every token of it."""
    database().call("end_session", actor_id=actor().id, session_id=actor().session_id)
    forget()
    return redirect(url_for("console.show_sign_in"), 303)


def _form(following: str, email: str = "", problem: dict[str, object] | None = None) -> str:
    by_provider = url_for("oidc.login", return_to=following) if "lockstep.provider" in current_app.extensions else None
    return render_template(
        "console/sign_in.html", next=following, email=email, problem=problem, by_provider=by_provider
    )
