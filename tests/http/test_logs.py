"""The log: a line a request, its failure with the traceback, and nothing that is secret."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel

from app.http.logs import JsonFormatter
from tests.http.conftest import Call, Connection, People

SECRET = "Corr3ct-Horse-Battery"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the service would write to stderr."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    level = logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)
    yield written
    logging.root.removeHandler(handler)
    logging.root.setLevel(level)


@pytest.fixture
def lines(log: StringIO) -> Lines:
    """The lines of it, read."""
    return lambda: [json.loads(line) for line in log.getvalue().splitlines()]


def requests_of(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines() if line["message"] == "request"]


def test_a_request_is_a_line_that_says_who_what_and_how_it_went(call: Call, people: People, lines: Lines) -> None:
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER/level"
    answer = call("iris", "PUT", f"{path}?dry_run=false", json={"new_level": 9}, headers={"X-Request-Id": "abc-1"})
    (line,) = requests_of(lines)
    assert answer.headers["X-Request-Id"] == "abc-1"
    assert line["time"] < "9999"
    assert line["duration_ms"] > 0
    assert line["session"]
    expected = {
        "level": "info",
        "request_id": "abc-1",
        "actor": people["iris"],
        "method": "PUT",
        "route": "/api/v1/users/<user_id>/progress/<specialization>/level",
        "path": path,
        "status": 422,
        "sqlstate": "LS003",
        "problem": "level_not_found",
        "retries": 0,
        "db_role": "lockstep_app",
    }
    assert {name: line[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing/here?token=x", 404), ("DELETE", "/healthz", 405), ("GET", "/api/v1/specializations", 401)],
)
def test_a_request_that_no_view_answered_has_its_line_too(
    call: Call, lines: Lines, method: str, path: str, status: int
) -> None:
    call(None, method, path)
    (line,) = requests_of(lines)
    assert (line["status"], line["path"], line["actor"]) == (status, path.partition("?")[0], None)


def test_a_mistake_of_ours_leaves_its_traceback_in_the_log_only(app: Flask, call: Call, lines: Lines) -> None:
    class Odd(BaseModel):
        number: int

    def broken() -> str:
        return str(Odd.model_validate({"number": SECRET}))

    app.view_functions["service.healthz"] = broken
    answer = call(None, "GET", "/healthz")
    failure, request = lines()[-2:]
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert SECRET not in answer.text
    assert "in broken" in failure["traceback"]
    assert answer.json is not None
    assert failure["request_id"] == request["request_id"] == answer.json["request_id"]
    assert SECRET not in failure["traceback"]
    assert request["level"] == "warning"


def test_an_error_of_the_database_shows_no_row_in_the_log(
    call: Call, people: People, connection: Connection, lines: Lines, log: StringIO
) -> None:
    # As a defect would: an error of no class that a caller is told about, whose text has data in it.
    connection.execute(
        f"""
        create or replace function lockstep.list_specializations() returns setof lockstep.catalogue language plpgsql
        security definer set search_path = pg_catalog, pg_temp as
        $$ begin
            raise exception using errcode = 'XX000', message = 'broken', detail = 'Failing row contains ({SECRET}).';
        end $$
        """
    )
    assert call("ann", "GET", "/api/v1/specializations").status_code == 500
    assert "XX000" in {line["sqlstate"] for line in requests_of(lines)}
    assert "Failing row contains" in log.getvalue()
    assert SECRET not in log.getvalue()


def test_neither_passwords_nor_tokens_nor_headers_are_ever_written(
    call: Call, tokens: Callable[[str], str], people: People, log: StringIO
) -> None:
    token = tokens("ann")
    bearer = {"Authorization": f"Bearer {token}"}
    login = "/api/v1/auth/login"
    call(None, "POST", login, json={"email": "ann@example.org", "password": SECRET})
    call(None, "POST", login, json={"email": "ann@example.org", "password": SECRET, "more": SECRET})
    call(None, "POST", login, json={"email": SECRET, "password": [SECRET]})
    call(None, "POST", login, data=f'{{"password": "{SECRET}', headers={"Content-Type": "application/json"})
    call(None, "POST", f"{login}?password={SECRET}", data=SECRET)
    call(None, "POST", "/api/v1/auth/refresh", json={"refresh_token": SECRET})
    call(None, "GET", f"/api/v1/users/{people['ann']}/progress?secret={SECRET}", headers=bearer)
    call(
        None,
        "GET",
        "/api/v1/specializations",
        headers={"Authorization": f"Bearer {SECRET}", "X-Request-Id": f"{SECRET}!"},
    )
    written = log.getvalue()
    assert written.count('"message": "request"') == 8
    for secret in (SECRET, token, token.split(".")[2], "Bearer", "Authorization"):
        assert secret not in written
