"""What the tests of signing in share: Ann with a password, and a login as her."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.http import passwords
from tests.http.conftest import Call, Connection, People

LOGIN, REFRESH, LOGOUT = "/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout"
PASSWORD = "correct horse battery"

Login = Callable[..., TestResponse]


def keep_failing(connection: Connection, times: int = 8) -> None:
    """Have everybody who failed fail again just now, so often that a test has the time to see them wait.

    After the first failure too many the wait is a second, which a busy machine lets pass.
    """
    connection.execute("update lockstep.sign_in_attempts set failures = failures + %s, last_at = now()", [times])


def shown(answer: TestResponse) -> dict[str, object]:
    """The body of an answer, which has one."""
    assert isinstance(answer.json, dict), answer.status
    return answer.json


def text(answer: TestResponse, name: str) -> str:
    """A text in the body of an answer that went well."""
    assert answer.status_code in (200, 201), answer.text
    return str(shown(answer)[name])


def bearer(token: str) -> dict[str, str]:
    """The headers of a request with this access token."""
    return {"Authorization": f"Bearer {token}"}


def part(value: object) -> str:
    """A part of a token, made by hand: a text, or an object as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def confused(secret: bytes, claims: dict[str, Any], algorithm: str = "HS256", **header: object) -> str:
    """Sign with bytes that are no secret, by hand: a library may refuse to."""
    signed = f"{part({'alg': algorithm} | header)}.{part(claims)}"
    digest = hmac.digest(secret, signed.encode(), f"sha{algorithm[2:]}")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.fixture(scope="session")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def ann(connection: Connection, people: People, password_hash: str) -> int:
    """Ann, who has a password."""
    connection.execute("select lockstep.set_password('ann@example.org', %s)", [password_hash])
    return people["ann"]


@pytest.fixture
def login(call: Call, ann: int) -> Login:
    """Sign in as Ann, or try: login(password=…, address=…)."""

    def login(
        email: str = "ann@example.org", password: str = PASSWORD, address: str = "192.0.2.1", **options: object
    ) -> TestResponse:
        body = {"email": email, "password": password}
        return call(None, "POST", LOGIN, json=body, environ_base={"REMOTE_ADDR": address}, **options)

    return login
