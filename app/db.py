"""The one module through which the application talks to psycopg: connect, and call a function.

All that the application does to the data is a call of a function in sql/functions.
"""

from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

Connection = psycopg.Connection[Any]
Row = dict[str, Any]


def connect(dsn: str) -> Connection:
    """Open a connection in autocommit, where a call is one round trip; `with` closes it."""
    return psycopg.connect(dsn, autocommit=True, application_name="lockstep")


def call(connection: Connection, function: str, /, **arguments: object) -> Row:
    """Call a function of the schema by named arguments (p_ is put before); return its row.

    Raises psycopg.Error; app.errors says what it means.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            statement("select * from {}({})", function, *arguments),
            {name: parameter(value) for name, value in arguments.items()},
        )
        row = cursor.fetchone()
    assert row is not None, f"{function}() returned no row"
    return row


def perform(connection: Connection, procedure: str, /, **arguments: object) -> Row:
    """Call a procedure of the schema by named arguments (p_ is put before); return what it gives back.

    It commits by itself, so the connection must be in autocommit and in no transaction.
    Raises psycopg.Error; app.errors says what it means.
    """
    # The server works on for a client that was killed, unless it looks.
    with suppress(errors.InvalidParameterValue):  # not on every platform
        connection.execute("set client_connection_check_interval = '1s'")
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            statement("call {}({})", procedure, *arguments),
            {name: parameter(value) for name, value in arguments.items()},
        )
        return cursor.fetchone() or {} if cursor.description else {}


@cache
def statement(form: str, routine: str, *names: str) -> bytes:
    """Build the statement that calls a routine by these names, once for each."""
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => {}").format(sql.Identifier(f"p_{name}"), sql.Placeholder(name)) for name in names
    )
    return sql.SQL(form).format(sql.Identifier("lockstep", routine), arguments).as_bytes()


@cache
def selection(view: str, *order: str) -> bytes:
    """Build the statement that reads a view in the order of these columns; `-name`: nulls and the largest first."""
    columns = [
        sql.SQL("{} desc" if name.startswith("-") else "{}").format(sql.Identifier(name.removeprefix("-")))
        for name in order
    ]
    return (
        sql.SQL("select * from {} order by {} limit %(limit)s")
        .format(sql.Identifier("lockstep", view), sql.SQL(", ").join(columns))
        .as_bytes()
    )


def parameter(value: object) -> object:
    """Send figures as text, for the server to read as what the parameter is.

    A number of its own type would look for a function of that type: 1.5 (float8) or 3000000000
    (bigint, for an integer) would be "function does not exist", not "out of range".
    """
    return str(value) if isinstance(value, int | float | Decimal) else value
