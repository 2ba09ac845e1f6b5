"""What a SQLSTATE means to a caller, asked of a real server."""

from typing import Any

import psycopg
import pytest

from app.errors import CONDITIONS, HTTP_CONDITIONS, Condition, Problem, describe

STATUS = {
    "validation_error": {400, 413, 415, 422},
    "not_found": {404, 405},
    "conflict": {409, 412, 428},
    "retry": {429, 503},
    "permission_denied": {401, 403},
    "database_error": {500},
}


def problem(connection: psycopg.Connection[Any], statement: str, *values: object) -> Problem:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode(), values or None)
    return describe(caught.value)


def raised(sqlstate: str) -> str:
    return f"do $$ begin raise exception 'text' using errcode = '{sqlstate}', detail = 'user_id=7'; end $$"


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.sqlstate)
def test_every_line_is_found_by_its_sqlstate(connection: psycopg.Connection[Any], condition: Condition) -> None:
    sqlstate = condition.sqlstate.replace("*****", "XX000").replace("***", "012")
    assert problem(connection, raised(sqlstate)).condition is condition


@pytest.mark.parametrize("condition", [*CONDITIONS, *HTTP_CONDITIONS], ids=lambda condition: condition.code)
def test_a_line_has_the_status_of_its_error_type_and_only_retry_may_be_repeated(
    condition: Condition,
) -> None:
    assert condition.status in STATUS[condition.error_type]
    assert condition.retry == (condition.error_type == "retry")


def test_no_sqlstate_and_no_code_stands_twice() -> None:
    assert len({condition.sqlstate for condition in CONDITIONS}) == len(CONDITIONS) > 20
    assert len({condition.code for condition in CONDITIONS}) == len(CONDITIONS)


def test_a_detail_of_ours_is_part_of_the_message(connection: psycopg.Connection[Any]) -> None:
    found = problem(connection, raised("LS001"))
    assert found.detail == "user_id=7"
    assert found.message == "User not found: user_id=7"


def test_a_detail_of_postgresql_stays_inside(connection: psycopg.Connection[Any]) -> None:
    insert = "insert into lockstep.users (email) values ('a@example.org')"
    connection.execute(insert)
    found = problem(connection, insert)
    assert found.condition.code == "already_exists"
    assert found.detail is None
    assert "example" not in found.message


def test_a_text_that_psycopg_refuses_to_send_is_an_invalid_value(
    connection: psycopg.Connection[Any],
) -> None:
    assert problem(connection, "select %s", "a\0b").condition.code == "invalid_value"


def test_a_lost_connection_is_a_database_error_that_is_not_to_be_repeated_blindly(
    connection: psycopg.Connection[Any],
) -> None:
    found = problem(connection, "select pg_terminate_backend(pg_backend_pid())")
    assert found.condition.code == "database_error"
    assert not found.condition.retry
