"""Signing in to the console: the same accounts, sessions and delays as the API."""

import re
import time

import pytest
from flask import Flask

from app.console.visitor import COOKIE, inside
from tests.console.conftest import Browser, Open, client_of, cookie_of
from tests.http.conftest import Connection, People
from tests.http.signing_in import PASSWORD, password_hash  # noqa: F401
from tests.pairs import value


@pytest.fixture
def iris(connection: Connection, people: People, password_hash: str) -> str:  # noqa: F811
    """The address of Iris, who has a password."""
    connection.execute("select lockstep.set_password('iris@example.org', %s)", [password_hash])
    return "iris@example.org"


def test_the_right_password_leads_to_the_page_that_was_asked_for(browse: Open, iris: str) -> None:
    browser = browse(None)
    form = browser.follow(browser.get("/admin/users?search=ann"))
    assert form.status_code == 200
    (following,) = re.findall(r'name="next" value="([^"]+)"', form.text)
    answer = browser.post("/admin/sign-in", email=iris, password=PASSWORD, next=following)
    assert answer.headers["Location"] == "/admin/users?search=ann"
    assert browser.follow(answer).status_code == 200


def test_the_cookie_is_for_this_site_and_for_no_script(browse: Open, iris: str, app: Flask) -> None:
    browser = browse(None)
    browser.get("/admin/sign-in")
    answer = browser.post("/admin/sign-in", email=iris, password=PASSWORD)
    flags = {part.strip() for part in answer.headers["Set-Cookie"].split(";")}
    assert {"HttpOnly", "SameSite=Strict", "Path=/admin"} <= flags
    assert "Secure" not in flags
    https = client_of(app, None, None)  # type: ignore[arg-type]
    assert "Secure" in https.get("/admin/sign-in", base_url="https://school.example.org").headers["Set-Cookie"]


def test_a_wrong_password_says_no_more_than_an_unknown_address(browse: Open, iris: str) -> None:
    browser = browse(None)
    browser.get("/admin/sign-in")
    wrong = browser.post("/admin/sign-in", email=iris, password="wrong")
    unknown = browser.post("/admin/sign-in", email="nobody@example.org", password="wrong")
    empty = browser.post("/admin/sign-in", email=iris, password="")
    assert [answer.status_code for answer in (wrong, unknown, empty)] == [401, 401, 401]
    assert wrong.text.replace(iris, "x") == unknown.text.replace("nobody@example.org", "x")


def test_who_guesses_has_to_wait_as_at_the_api(browse: Open, iris: str) -> None:
    browser = browse(None)
    browser.get("/admin/sign-in")
    for _ in range(20):
        answer = browser.post("/admin/sign-in", email=iris, password="guess")
        if answer.status_code != 401:
            break
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_the_secret_of_a_form_changes_with_the_sign_in(browse: Open, iris: str) -> None:
    browser = browse(None)
    browser.get("/admin/sign-in")
    before = browser.last
    browser.follow(browser.post("/admin/sign-in", email=iris, password=PASSWORD))
    browser.get("/admin/users")
    stale = Browser(browser.client, before)
    assert stale.post("/admin/sign-out").status_code == 403
    assert browser.post("/admin/sign-out").status_code == 303


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(
    app: Flask, connection: Connection, people: People, browse: Open
) -> None:
    cookie = cookie_of(app, connection, people["iris"])
    browsers = [Browser(app.test_client()) for _ in range(2)]
    for browser in browsers:
        browser.client.set_cookie(COOKIE, cookie, path="/admin")
        assert browser.get("/admin/users").status_code == 200
    assert browsers[0].post("/admin/sign-out").headers["Location"] == "/admin/sign-in"
    assert value(connection, "select end_reason from lockstep.sessions where user_id = %s", people["iris"]) == (
        "signed_out"
    )
    assert [browser.get("/admin/users").status_code for browser in browsers] == [303, 303]


def test_a_deactivation_or_another_role_holds_from_the_next_page_on(
    browse: Open, connection: Connection, people: People
) -> None:
    iris, joe = browse("iris"), browse("joe")
    assert (iris.get("/admin/users").status_code, joe.get("/admin/users").status_code) == (200, 200)
    connection.execute("select lockstep.deactivate_user(%s, %s)", [people["admin"], people["iris"]])
    connection.execute("update lockstep.users set role = 'student' where id = %s", [people["joe"]])
    assert (iris.get("/admin/users").status_code, joe.get("/admin/users").status_code) == (303, 403)


def test_a_cookie_is_renewed_while_it_is_used_and_ends_when_it_is_not(
    app: Flask, connection: Connection, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr("app.console.visitor.time.time", lambda: now)
    client = client_of(app, connection, people["iris"])
    assert "Set-Cookie" not in client.get("/admin/users").headers
    monkeypatch.setattr("app.console.visitor.time.time", lambda: now + 120)
    assert COOKIE in client.get("/admin/users").headers["Set-Cookie"]
    monkeypatch.setattr("app.http.tokens.CONSOLE_LIFETIME", -10)
    late = client_of(app, connection, people["iris"])
    assert late.get("/admin/users").headers["Location"].startswith("/admin/sign-in")


def test_no_other_token_is_a_cookie_and_no_cookie_a_token(
    app: Flask, connection: Connection, people: People, browse: Open
) -> None:
    cookie = cookie_of(app, connection, people["admin"])
    as_token = app.test_client().get("/api/v1/runs", headers={"Authorization": f"Bearer {cookie}"})
    assert as_token.status_code == 401
    session = value(connection, "select id from lockstep.sessions where user_id = %s", people["admin"])
    token = app.extensions["lockstep.tokens"].issue(people["admin"], session, "admin")
    client = app.test_client()
    client.set_cookie(COOKIE, token, path="/admin")
    assert client.get("/admin/runs").status_code == 303
    by_header = app.test_client().get("/admin/runs", headers={"Authorization": f"Bearer {token}"})
    assert by_header.status_code == 303
    with_cookie = app.test_client()
    with_cookie.set_cookie(COOKIE, cookie, path="/")
    assert with_cookie.get("/api/v1/runs").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example.org/admin", "//evil.example.org/admin", "/admin//evil.example.org", "/admin\\evil",
        "/administrator", "/admin/../api", "/admin?next=//evil\n", "javascript:alert(1)", "/admin@evil", "", "/",
    ],
)  # fmt: skip
def test_a_sign_in_leads_to_no_other_site(browse: Open, iris: str, path: str) -> None:
    browser = browse(None)
    browser.get("/admin/sign-in")
    answer = browser.post("/admin/sign-in", email=iris, password=PASSWORD, next=path)
    assert answer.headers["Location"] == "/admin/desync"


def test_pages_of_the_console_are_good_to_go_on_with() -> None:
    for path in ("/admin", "/admin/runs/1", "/admin/users?search=ann&limit=5", "/admin/desync?after=WzFd%3D"):
        assert inside(path) == path


def test_a_sign_in_leads_an_instructor_to_their_own_first_page(browse: Open, iris: str) -> None:
    browser = browse(None)
    browser.get("/admin/sign-in")
    answer = browser.post("/admin/sign-in", email=iris, password=PASSWORD)
    assert answer.headers["Location"] == "/admin/desync"


def test_a_student_reads_on_a_page_why_there_is_none(browse: Open) -> None:
    page = browse("ann").get("/admin/runs")
    assert page.status_code == 403
    assert page.mimetype == "text/html"
    assert "Sign out" in page.text
