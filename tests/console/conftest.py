"""The console as somebody at a browser sees it, over the application of the tests of HTTP."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.console.visitor import COOKIE
from tests.http.conftest import *  # noqa: F403
from tests.http.conftest import Connection, People

CSRF = re.compile(r'name="csrf" value="([^"]+)"')
KEY = re.compile(r'name="key" value="([^"]+)"')


@dataclass
class Browser:
    """A browser with its cookies, which remembers the last page."""

    client: FlaskClient
    last: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self._seen(self.client.get(path))

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Send a form of the last page, with its secret and its key."""
        hidden = {"csrf": CSRF.search(self.last), "key": KEY.search(self.last)}
        found = {name: unescape(match[1]) for name, match in hidden.items() if match}
        if "key" in found and not path.endswith(("/runs", "/undo", "/erase")):
            del found["key"]
        return self._seen(self.client.post(path, data={**found, **fields}))

    def follow(self, answer: TestResponse) -> TestResponse:
        """Go where an answer leads."""
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["Location"])

    def _seen(self, answer: TestResponse) -> TestResponse:
        self.last = answer.text if answer.mimetype == "text/html" else ""
        return answer


def cookie_of(app: Flask, connection: Connection, user_id: int, csrf: str = "secret") -> str:
    """Make the cookie of somebody, as a sign-in would."""
    row = connection.execute(
        "with opened as ("
        " insert into lockstep.sessions (user_id, expires_at) values (%s, now() + interval '1 day')"
        " returning id, user_id"
        ") select opened.id, person.role, person.email"
        " from opened inner join lockstep.users as person on person.id = opened.user_id",
        [user_id],
    ).fetchone()
    assert row is not None
    session, role, email = row
    issued: str = app.extensions["lockstep.tokens"].issue_console(
        sub=str(user_id), sid=str(session), role=role, email=email, csrf=csrf
    )
    return issued


def client_of(app: Flask, connection: Connection, user_id: int | None) -> FlaskClient:
    """A browser's side, signed in as somebody."""
    client = app.test_client()
    if user_id:
        client.set_cookie(COOKIE, cookie_of(app, connection, user_id), path="/admin")
    return client


Open = Callable[[str | None], Browser]


@pytest.fixture
def browse(app: Flask, connection: Connection, people: People) -> Open:
    """Open a browser, signed in as somebody of the people by name."""
    return lambda name: Browser(client_of(app, connection, people[name] if name else None))
