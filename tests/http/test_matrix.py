"""Who may call which route (E10): every route, called by everybody.

What is expected follows from the table in app/http/access.py; docs/http.md prints that table.
"""

import pytest
from flask import Flask, Response

from app.http import access
from app.http.access import CONSOLE, Access
from tests.http.conftest import Connection, People, add_people, token_of
from tests.http.examples import EXAMPLES, methods, rules
from tests.pairs import value

# Those of the API; tests/console has the matrix of the others.
ROUTES = {endpoint: line for endpoint, line in access.ROUTES.items() if not endpoint.startswith(f"{CONSOLE}.")}

# Of each role, who calls; the call is about ann.
CALLERS = {"student": "ann", "instructor": "iris", "admin": "admin"}

# What a request gets that came through to what the route does. Any other is a poor example.
ALLOWED = {200, 201, 202, 204, 302, 303, 304, 404, 409}

# Who may not see or change whom, by the rule of may_see(), and who may. Dora is in no group.
STRANGERS = {("bob", "ann"), ("bob", "nobody"), ("joe", "ann"), ("iris", "joe"), ("iris", "admin"), ("iris", "carl")}
FRIENDS = {("iris", "bob"), ("joe", "dora"), ("admin", "carl"), ("admin", "iris")}


def send(app: Flask, connection: Connection, endpoint: str, people: People, caller: str | None, whose: str) -> str:
    """Call a route; sum its answer up: 401, 403, or allowed."""
    group = value(connection, "select min(group_id) from lockstep.group_members where user_id = %s", people["ann"])
    example = EXAMPLES[endpoint]
    request = example.request(rules(app)[endpoint], user_id=people[whose], group_id=group)
    headers = {"Authorization": f"Bearer {token_of(app, connection, people[caller])}"} if caller else {}
    answer = app.test_client().open(headers=headers, **request)
    refused = example.refusal and answer.json and answer.json.get("code") == example.refusal
    return "allowed" if answer.status_code in ALLOWED or refused else str(answer.status_code)


def expected(line: Access, kind: str) -> str:
    """What the line says of nobody, of a person of this role, or of one who was deactivated."""
    if not line.roles or kind in line.roles:
        return "allowed"
    return "403" if kind in CALLERS else "401"


def test_every_route_has_a_line_and_every_line_a_route_and_an_example(app: Flask) -> None:
    assert rules(app).keys() == ROUTES.keys() == EXAMPLES.keys()
    assert all(len(methods(rule)) == 1 for rule in rules(app).values())


def test_an_application_with_a_route_without_a_line_does_not_start(app: Flask) -> None:
    app.add_url_rule("/api/v1/back-door", "back.door", lambda: Response("welcome"))
    with pytest.raises(RuntimeError):
        access.init_app(app)


def test_every_route_answers_everybody_as_the_table_says(app: Flask, connection: Connection) -> None:
    found, due = {}, {}
    for endpoint, line in ROUTES.items():
        for kind in ("nobody", "deactivated", *CALLERS):
            # People of its own for each: some routes end sessions, or remove somebody.
            people = add_people(connection, f"-{endpoint}-{kind}")
            caller = CALLERS.get(kind) or (None if kind == "nobody" else CALLERS[min(line.roles, default="student")])
            if kind == "deactivated" and caller:
                connection.execute("update lockstep.users set is_active = false where id = %s", [people[caller]])
            found[endpoint, kind] = send(app, connection, endpoint, people, caller, "ann")
            due[endpoint, kind] = expected(line, kind)
    assert found == due


def test_every_route_about_a_person_keeps_to_whose_students_they_are(app: Flask, connection: Connection) -> None:
    found, due = {}, {}
    for endpoint, line in ROUTES.items():
        if line.roles and EXAMPLES[endpoint].is_about_somebody(rules(app)[endpoint]):
            for caller, whose in STRANGERS | FRIENDS:
                people = add_people(connection, f"-{endpoint}-{caller}-{whose}") | {"nobody": 2**40}
                found[endpoint, caller, whose] = send(app, connection, endpoint, people, caller, whose)
                role = {"bob": "student", "admin": "admin"}.get(caller, "instructor")
                is_theirs = (caller, whose) in FRIENDS and role in line.roles
                due[endpoint, caller, whose] = "allowed" if is_theirs else "403"
    assert len(due) > 100
    assert found == due
