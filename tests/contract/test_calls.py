"""Every call from Python is of a function that exists, with argument names that it has."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from app.settings import PROJECT
from tests.pairs import rows

FILES = {path.relative_to(PROJECT): path for path in sorted((PROJECT / "app").rglob("*.py"))}


# How a routine is called: what it has to be (prokind), and the place of its name among the arguments.
KINDS = {"db.call": ("f", 1), "db.perform": ("p", 1), "database().call": ("f", 0), "database().rows": ("f", 0)}

# How a view is read: its name, then columns to order by, `-` before one that descends.
READ = "database().read"
READS = [
    (f"{place}:{node.lineno}", *(argument.value for argument in node.args if isinstance(argument, ast.Constant)))
    for place, path in FILES.items()
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == READ
]


@dataclass(frozen=True)
class Call:
    """A call as it is written; names is None where they are not written out."""

    place: str
    kind: str
    function: str
    names: frozenset[str] | None


def calls(place: str, source: str) -> Iterator[Call]:
    """Find db.call(connection, "function", name=…), database().call("function", …) and the like in a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in KINDS:
            kind, place_of_name = KINDS[ast.unparse(node.func)]
            function = node.args[place_of_name]
            if isinstance(function, ast.Constant):
                names = [keyword.arg for keyword in node.keywords]
                written = None if None in names else frozenset(f"p_{name}" for name in names)
                yield Call(f"{place}:{node.lineno}", kind, str(function.value), written)


CALLS = [call for place, path in FILES.items() for call in calls(str(place), path.read_text("utf-8"))]


def wrong(connection: psycopg.Connection[Any], call: Call) -> str | None:
    """Say what the catalog does not know about a call."""
    found = rows(
        connection,
        """
        select proc.prokind as kind, proc.pronargs - proc.pronargdefaults as needed, array(
            select argument.name
            from unnest(proc.proargnames, proc.proargmodes) with ordinality as argument (name, mode, place)
            where coalesce(argument.mode, 'i') in ('i', 'b', 'v')
            order by argument.place
        ) as names
        from pg_proc as proc
        where proc.pronamespace = 'lockstep'::regnamespace and proc.proname = %s
        """,
        call.function,
    )
    if [row.kind for row in found] != [call.kind]:
        return f"{call.place}: {call.function} is not there, or is called as what it is not"
    names, needed = set(found[0].names), set(found[0].names[: found[0].needed])
    if call.names is not None and not needed <= call.names <= names:
        return f"{call.place}: {call.function} takes {sorted(names)}, needs {sorted(needed)}"
    return None


def test_the_calls_of_the_client_are_among_those_found() -> None:
    found = {call.function for call in CALLS if call.names is not None and call.place.startswith("app/client.py")}
    assert found == {"update_level", "level_up", "sync_records", "validate_consistency"}


def test_the_calls_of_the_views_are_among_those_found() -> None:
    found = {call.function for call in CALLS if call.place.startswith("app/http/")}
    assert {"read_progress", "list_desync", "request_run", "work_on_run", "list_runs"} <= found


def test_every_call_is_of_a_function_with_these_arguments(connection: psycopg.Connection[Any]) -> None:
    assert [problem for call in CALLS if (problem := wrong(connection, call))] == []


def test_every_view_that_is_read_exists_and_has_these_columns(connection: psycopg.Connection[Any]) -> None:
    columns = {
        (row.name, row.column)
        for row in rows(
            connection,
            "select class.relname as name, att.attname as column from pg_class as class"
            " inner join pg_attribute as att on att.attrelid = class.oid"
            " where class.relnamespace = 'lockstep'::regnamespace and class.relkind = 'v'",
        )
    }
    columns |= {(view, "") for view, _ in columns}
    asked = {(str(view), str(column).removeprefix("-")) for _, view, *order in READS for column in order or [""]}
    assert asked
    assert asked - columns == set()


def test_every_function_that_sql_in_python_names_exists(connection: psycopg.Connection[Any]) -> None:
    named = {
        (str(place), function)
        for place, path in FILES.items()
        for function in re.findall(r"\blockstep\.(\w+)\(", path.read_text("utf-8"))
    }
    assert named
    known = {
        row.proname
        for row in rows(connection, "select proname from pg_proc where pronamespace = 'lockstep'::regnamespace")
    }
    assert {place for place in named if place[1] not in known} == set()


@pytest.mark.parametrize(
    "source",
    [
        'db.call(c, "no_such_function", user_id=1)',
        'db.call(c, "apply_sync", run_id=1)',
        'db.perform(c, "validate_consistency", user_id=1, specialization_id="PLAYER")',
        'db.call(c, "validate_consistency", user_id=1)',
        'db.call(c, "validate_consistency", user_id=1, specialization="PLAYER")',
        'db.call(c, "validate_consistency", user_id=1, specialization_id="PLAYER", more=1)',
        'database().call("no_such_function", **pair)',
        'database().rows("list_runs", OPTIONS, before=1)',
    ],
)
def test_a_wrong_call_would_be_noticed(connection: psycopg.Connection[Any], source: str) -> None:
    (call,) = calls("here", source)
    assert wrong(connection, call)
