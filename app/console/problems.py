"""Errors as pages: what a problem document of the API says, in HTML."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.console.visitor import forget
from app.errors import named
from app.http import problems
from app.http.problems import ProblemError


def add_to(pages: Blueprint) -> None:
    """Answer every error on a page of the console with a page, and every other address under it too."""
    pages.register_error_handler(Exception, show)
    pages.add_url_rule("/<path:anything>", "not_found", not_found)


def not_found(anything: str) -> str:
    """There is no such page."""
    raise ProblemError("route_not_found")


def show(error: Exception) -> AnyResponse:
    """The page of an error; who is not signed in, or not any more, goes to the form for it."""
    answer = problems.of(error)
    answer.headers.pop("WWW-Authenticate", None)
    if answer.status_code == 401:
        forget()
        following = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("console.show_sign_in", next=following), 303)
    return page(answer)


def page(answer: Response) -> Response:
    """The answer with a page for its document."""
    problem, retry = answer.get_json(), answer.headers.get("Retry-After")
    meaning = named(problem["code"]).meaning
    answer.set_data(render_template("console/problem.html", problem=problem, meaning=meaning, retry=retry))
    answer.content_type = "text/html; charset=utf-8"
    return answer
