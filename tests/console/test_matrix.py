"""Who may see which page, and that no form is taken that is not ours: every route, by everybody."""

import re
from urllib.parse import urlencode

from flask import Flask

from app.console.visitor import POLICY
from app.http.access import CONSOLE, ROUTES
from tests.console.conftest import client_of
from tests.http.conftest import Connection, People, add_people
from tests.http.examples import methods
from tests.pairs import plant, rows

CALLERS = {"student": "ann", "instructor": "iris", "admin": "admin"}
ROUTES_HERE = {endpoint: line for endpoint, line in ROUTES.items() if endpoint.startswith(f"{CONSOLE}.")}

# What stands in the query and in the form of a route; the path is filled with ann's id and with run 1.
QUERIES = {"console.show_repair": {"specialization": "PLAYER"}}
FORMS: dict[str, dict[str, str]] = {
    "console.sign_in": {"email": "ann@example.org", "password": "wrong"},
    "console.sign_out": {},
    "console.repair": {"specialization": "PLAYER", "direction": "to_higher_level", "reason": "it differs"},
    "console.plan": {"direction": "to_higher_level", "reason": "it differs", "key": "k", "everything": "1"},
    "console.apply": {},
    "console.undo": {"reason": "it was right", "key": "k"},
    "console.erase_user": {"reason": "asked for", "typed": "else", "key": "k"},
    "console.requeue": {"entry_id": "1"},
    "console.discard": {"entry_id": "1", "sure": "yes"},
}

# Answers to a request that came through to what the route does: 404, 409 and 422 are about what it names.
THROUGH = {200, 303, 404, 409, 422}


def rules(app: Flask) -> dict[str, tuple[str, str]]:
    """Method and path of every route of the console, by endpoint."""
    return {
        rule.endpoint: (next(iter(methods(rule))), rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint in ROUTES_HERE
    }


def path_of(rule: str, endpoint: str, user_id: int) -> str:
    path = re.sub("<path:[a-z]+>", "no-such-thing.css", rule)
    path = path.replace("<int:user_id>", str(user_id)).replace("<int:run_id>", "1")
    query = QUERIES.get(endpoint)
    return path if query is None else f"{path}?{urlencode({'user_id': user_id, **query})}"


def form_of(endpoint: str, user_id: int, **more: str) -> dict[str, str]:
    own = {"user_id": str(user_id)} if endpoint in ("console.repair", "console.requeue", "console.discard") else {}
    return FORMS[endpoint] | own | more


def send(app: Flask, connection: Connection, endpoint: str, people: People, caller: str | None) -> str:
    """Call a route with a good form; sum its answer up: sign in, 403, or allowed."""
    mine = people[caller] if caller else None
    client = client_of(app, connection, mine)
    method, rule = rules(app)[endpoint]
    path = path_of(rule, endpoint, people["ann"])
    if method == "GET":
        answer = client.get(path)
    else:
        answer = client.post(path, data=form_of(endpoint, people["ann"], csrf="secret"))
    if answer.status_code == 303 and answer.headers["Location"].startswith("/admin/sign-in?"):
        return "sign in"
    if answer.status_code == 303 and answer.headers["Location"] == "/admin/sign-in":
        ended = rows(connection, "select from lockstep.sessions where end_reason = 'signed_out' and user_id = %s", mine)
        return "allowed" if ended else "sign in"
    return "allowed" if answer.status_code in THROUGH else str(answer.status_code)


def test_every_line_has_a_route_and_every_form_an_example(app: Flask) -> None:
    found = rules(app)
    assert found.keys() == ROUTES_HERE.keys()
    assert {endpoint for endpoint, (method, _) in found.items() if method == "POST"} == FORMS.keys()


def test_every_page_answers_everybody_as_the_table_says(app: Flask, connection: Connection) -> None:
    found, due = {}, {}
    for endpoint, line in ROUTES_HERE.items():
        if not line.roles:
            continue
        for kind in ("nobody", "deactivated", *CALLERS):
            people = add_people(connection, f"-{endpoint}-{kind}")
            caller = CALLERS.get(kind) or (None if kind == "nobody" else CALLERS[min(line.roles)])
            if kind == "deactivated" and caller:
                connection.execute("update lockstep.users set is_active = false where id = %s", [people[caller]])
            found[endpoint, kind] = send(app, connection, endpoint, people, caller)
            due[endpoint, kind] = "allowed" if kind in line.roles else "403" if kind in CALLERS else "sign in"
    assert {key: value for key, value in found.items() if value != due[key]} == {}


def test_an_instructor_sees_no_page_about_a_stranger(app: Flask, connection: Connection, people: People) -> None:
    plant(connection, 3, 2, people["carl"])
    client = client_of(app, connection, people["iris"])
    carl = people["carl"]
    asked = (
        client.get(f"/admin/users/{carl}"),
        client.get(f"/admin/desync/repair?user_id={carl}&specialization=PLAYER"),
        client.post("/admin/desync/repair", data=form_of("console.repair", carl, csrf="secret")),
    )
    assert [answer.status_code for answer in asked] == [403, 403, 403]
    assert "carl@example.org" not in client.get("/admin/desync").text
    assert "carl@example.org" not in client.get("/admin/users?search=carl").text


def test_every_form_is_refused_without_the_secret_of_its_page(
    app: Flask, connection: Connection, people: People
) -> None:
    found = {}
    for endpoint in FORMS:
        _, rule = rules(app)[endpoint]
        for csrf in ({}, {"csrf": ""}, {"csrf": "guessed"}, {"csrf": "é"}):
            client = client_of(app, connection, people["admin"])
            form = urlencode(form_of(endpoint, people["ann"], **csrf))
            answer = client.post(
                path_of(rule, endpoint, people["ann"]), data=form, content_type="application/x-www-form-urlencoded"
            )
            found[endpoint, *csrf.values()] = (answer.status_code, "form_refused" in answer.text)
    assert set(found.values()) == {(403, True)}


def test_every_page_has_the_headers_that_keep_others_out(app: Flask, connection: Connection, people: People) -> None:
    client = client_of(app, connection, people["admin"])
    wrong = {}
    for endpoint, (method, rule) in rules(app).items():
        if method != "GET" or endpoint == "console.static":
            continue
        headers = client.get(path_of(rule, endpoint, people["ann"])).headers
        kept = {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
        if differing := {name: headers.get(name) for name, value in kept.items() if headers.get(name) != value}:
            wrong[endpoint] = differing
    assert wrong == {}
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY


def test_a_form_of_another_kind_is_refused(app: Flask, connection: Connection, people: People) -> None:
    client = client_of(app, connection, people["admin"])
    assert client.post("/admin/sign-out", json={"csrf": "secret"}).status_code == 415
    assert client.post("/admin/sign-out", data="csrf=secret", content_type="text/plain").status_code == 415
