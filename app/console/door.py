"""What the HTTP layer asks of the console: who is there, to let somebody in, and to say that it cannot."""

from flask import Flask, Response, render_template

from app.console.problems import page
from app.console.visitor import POLICY, inside, keep, visitor, welcome
from app.db import Row
from app.http.access import Actor
from app.http.problems import ProblemError


class Console:
    """The console, as an extension of the application."""

    def actor(self) -> Actor:
        """Who is signed in. Raises ProblemError, 401, where nobody is."""
        who = visitor().signed_in
        if who is None:
            raise ProblemError("not_signed_in")
        return who

    def is_inside(self, path: str | None) -> bool:
        """Whether a sign-in that goes on there is one to the console."""
        return inside(path or "") is not None

    def admit(self, session: Row, name: str, path: str) -> Response:
        """Sign a browser in that comes back from a provider, and have it go on from a page of ours.

        A redirect would count as sent by the provider's site, and take no cookie along that is SameSite=Strict.
        """
        welcome(Actor(session["user_id"], session["session_id"], session["role"]), name)
        answer = Response(render_template("console/admitted.html", path=path))
        keep(answer)
        return answer

    def refuse(self, answer: Response) -> Response:
        """The page for a problem document, of a sign-in that would have gone on in the console."""
        answer.headers.pop("WWW-Authenticate", None)
        answer.headers["Content-Security-Policy"] = POLICY
        return page(answer)


def init_app(app: Flask) -> None:
    """Make the console known to the HTTP layer."""
    app.extensions["lockstep.console"] = Console()
