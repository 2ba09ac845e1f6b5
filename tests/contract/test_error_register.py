"""Codes raised = documented = mapped."""

import pytest
from psycopg import errors as psycopg_errors

from app.errors import CONDITIONS, HTTP_CONDITIONS, Condition
from app.settings import PROJECT
from tests.contract.sources import BODIES, FUNCTIONS, Raise, raises, table

DOCUMENTED = table(PROJECT / "docs" / "errors.md", "SQLSTATE")
HTTP_DOCUMENTED = table(PROJECT / "docs" / "errors.md", "code")
RAISED = [found for function in FUNCTIONS for found in raises(function)]
REGISTER = {condition.sqlstate: condition for condition in CONDITIONS}


def sqlstate(found: Raise) -> str:
    """Return the SQLSTATE of a raise: as it is written, or of the standard condition it names."""
    if found.errcode.startswith("LS"):
        return found.errcode
    name = "".join(word.title() for word in found.errcode.split("_"))
    return str(getattr(psycopg_errors, name).sqlstate)


def label(found: Raise) -> str:
    return f"{found.function}-{found.errcode}"


def test_there_are_raises_to_check() -> None:
    assert len(RAISED) > 15
    assert len({found.function for found in RAISED}) > 10


def test_every_raise_in_a_body_was_found() -> None:
    assert sum(body.count("raise exception") for body in BODIES.values()) == len(RAISED)


@pytest.mark.parametrize("found", RAISED, ids=label)
def test_a_raise_gives_errcode_message_detail_and_hint_in_this_order(found: Raise) -> None:
    assert list(found.options)[:4] == ["errcode", "message", "detail", "hint"]
    assert all(found.options.values())


@pytest.mark.parametrize("found", RAISED, ids=label)
def test_its_code_stands_in_the_register(found: Raise) -> None:
    assert sqlstate(found) in REGISTER


@pytest.mark.parametrize("found", RAISED, ids=label)
def test_its_message_is_constant_and_lower_case(found: Raise) -> None:
    message = found.options["message"]
    assert message.startswith("'")
    assert message.endswith("'")
    assert "'" not in message[1:-1].replace("''", "")
    assert message == message.lower()


OURS = [found for found in RAISED if found.errcode.startswith("LS")]


@pytest.mark.parametrize("found", OURS, ids=label)
def test_one_of_ours_carries_the_message_of_the_register(found: Raise) -> None:
    assert found.options["message"].strip("'") == REGISTER[found.errcode].message


@pytest.mark.parametrize("found", OURS, ids=label)
def test_a_function_that_raises_one_of_ours_says_so_in_its_comment(found: Raise) -> None:
    _, comment = FUNCTIONS[found.function].split("comment on function", 1)
    assert found.errcode in comment


def test_the_codes_of_ours_raised_mapped_and_documented_are_the_same() -> None:
    mapped = {code for code in REGISTER if code.startswith("LS")}
    documented = {row["SQLSTATE"] for row in DOCUMENTED if row["SQLSTATE"].startswith("LS")}
    assert {found.errcode for found in OURS} == mapped == documented


def test_the_document_says_line_by_line_what_the_register_says() -> None:
    def line(condition: Condition) -> dict[str, str]:
        return {
            "SQLSTATE": condition.sqlstate,
            "code": condition.code,
            "message": condition.message,
            "meaning": condition.meaning,
            "HTTP": str(condition.status),
            "error_type": condition.error_type,
            "retry": "yes" if condition.retry else "no",
        }

    expected = [line(condition) for condition in CONDITIONS]
    names = expected[0].keys()
    assert [{name: row[name] for name in names} for row in DOCUMENTED] == expected

    of_http = [line(condition) for condition in HTTP_CONDITIONS]
    assert [{**row, "SQLSTATE": ""} for row in HTTP_DOCUMENTED] == [
        {**wanted, "what to do": row["what to do"]} for wanted, row in zip(of_http, HTTP_DOCUMENTED, strict=True)
    ]
    assert all(row["what to do"] for row in HTTP_DOCUMENTED)


def test_no_two_lines_have_a_code() -> None:
    codes = [condition.code for condition in (*CONDITIONS, *HTTP_CONDITIONS)]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: row["SQLSTATE"])
def test_a_documented_error_names_who_raises_it_and_what_to_do(row: dict[str, str]) -> None:
    functions = sorted({found.function for found in RAISED if sqlstate(found) == row["SQLSTATE"]})
    system = [] if row["SQLSTATE"].startswith("LS") else ["PostgreSQL"]
    assert row["raised by"].split(", ") == system + functions
    assert row["what to do"]
