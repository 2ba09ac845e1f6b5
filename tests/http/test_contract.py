"""The served document is true (E8): schemathesis asks every route, as every role, for answers it does not promise.

More examples of each: make contract, or EXAMPLES=1000 python -m pytest tests/http/test_contract.py
"""

import copy
import os
import re
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation

from app.http.access import ROUTES
from tests.http.conftest import Connection, People, add_people, token_of
from tests.http.examples import methods, rules
from tests.http.files import png, sb3
from tests.pairs import plant, value

# Who asks; admins more often, who come furthest.
CALLERS = ("admin", "admin", "iris", "ann", None)
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
NAMES = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance", "negative_data_rejection"),
)
EXAMPLES = int(os.environ.get("EXAMPLES", "5"))

load_all_checks()


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: str(mode.value))
def test_every_route_answers_as_the_document_says(app: Flask, connection: Connection, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(without_security(app.api_doc))  # type: ignore[attr-defined]
    schema.app = app
    asked: dict[str, set[int]] = {}
    operations: Any = schema.get_all_operations()
    for operation in (found.ok() for found in operations):
        # Without a parameter or a body there is nothing to get wrong.
        if mode == GenerationMode.POSITIVE or operation.definition.raw.keys() & {"parameters", "requestBody"}:
            asked[operation.label] = ask(app, connection, operation, mode)
    assert len(asked) > 20
    # They did come through, or nothing was asked.
    reached = {label for label, statuses in asked.items() if min(statuses) < 400}
    assert mode == GenerationMode.NEGATIVE or len(reached) > len(asked) / 2, sorted(asked.keys() - reached)


def ask(app: Flask, connection: Connection, operation: Any, mode: GenerationMode) -> set[int]:
    """Send examples of one operation, and have each answer checked; the statuses that came."""
    # People of its own for each: some routes end sessions, or remove somebody.
    people = add_people(connection, f"-{operation.label}")
    known = places(connection, people)
    checks: Any = [CHECKS.get_one(name) for name in NAMES]
    statuses = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        chosen=st.sets(st.sampled_from(sorted(known))),
        name=st.sampled_from(CALLERS),
    )
    def send(case: Any, chosen: set[str], name: str | None) -> None:
        path = case.meta.components.get(ParameterLocation.PATH)
        if path and path.mode == GenerationMode.POSITIVE:
            case.path_parameters |= {place: known[place] for place in chosen & set(case.path_parameters)}
        headers = {"Authorization": f"Bearer {token_of(app, connection, people[name])}"} if name else {}
        statuses.add(case.call_and_validate(headers=headers, checks=checks).status_code)

    send()
    return statuses


def places(connection: Connection, people: People) -> dict[str, object]:
    """Values of path parameters that lead somewhere."""
    plant(connection, 5, 3, user=people["bob"])
    run = value(connection, "select (lockstep.plan_sync('to_higher_level')).id")
    group = value(connection, "select min(group_id) from lockstep.group_members where user_id = %s", people["ann"])
    project = value(connection, "select (lockstep.create_project(%s, 'Maze', %s, 'a.sb3')).id", people["ann"], sb3())
    connection.execute(
        "select lockstep.share_project(%s, %s, 'READ', p_user_id => %s)", [people["ann"], project, people["bob"]]
    )
    asset = value(
        connection, "select (lockstep.get_or_create_asset(%s, %s, 'costume', 'png')).asset_id", people["ann"], png()
    )
    known = {"user_id": people["ann"], "group_id": group, "run_id": run}
    known |= {"project_id": project, "version": 1, "grantee_id": people["bob"], "name": asset}
    return known | {"specialization": "PLAYER", "code": "not_signed_in"}


def test_the_document_has_every_route_and_says_where_a_token_is_needed(app: Flask) -> None:
    document: dict[str, Any] = app.api_doc  # type: ignore[attr-defined]
    described = {
        (method.upper(), path): "security" in operation
        for path, methods_of in document["paths"].items()
        for method, operation in methods_of.items()
    }
    due = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)): bool(ROUTES[endpoint].roles)
        for endpoint, rule in rules(app).items()
        for method in methods(rule)
        if rule.rule.startswith("/api/")
    }
    assert len(due) > 20
    assert {route: needs for route, needs in described.items() if route[1].startswith("/api/")} == due
    assert not any(needs for route, needs in described.items() if route not in due)


def test_what_changes_something_may_be_repeated_with_a_key(app: Flask) -> None:
    document: dict[str, Any] = app.api_doc  # type: ignore[attr-defined]
    without = {
        path
        for path, described in document["paths"].items()
        if "post" in described
        and "Idempotency-Key" not in {parameter["name"] for parameter in described["post"].get("parameters", ())}
    }
    # Signing in has tokens that are good once, a second reset replaces the first, and `apply` goes on, or is over.
    assert without == {
        *("/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/auth/refresh", "/api/v1/auth/password"),
        *("/api/v1/users/{user_id}/password-reset", "/api/v1/runs/{run_id}/apply"),
    }


def without_security(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what it says of tokens: those are brought by the test, and not to be left out at random."""
    document = copy.deepcopy(document)
    for described in document["paths"].values():
        for operation in described.values():
            operation.pop("security", None)
    return document
