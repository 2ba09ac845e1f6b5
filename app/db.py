"""The one module through which the application talks to psycopg: connect, and call a function.

All that the application does to the data is a call of a function in sql/functions. Statements are
written for the schema `lockstep`; a connection is one school's, and its cursors write that name in.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.abc import Params, Query
from psycopg.rows import dict_row

from app.schema import DEFAULT, check_name, rename

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
Row = dict[str, Any]

# psycopg reads times in this style alone. libpq says so as a connection begins, which counts for more than what a
# server or a database was set to.
os.environ.setdefault("PGDATESTYLE", "ISO")


def connect(dsn: str, schema: str = DEFAULT, application_name: str = "lockstep") -> Connection:
    """Open a connection of a school in autocommit, where a call is one round trip; `with` closes it."""
    return psycopg.connect(dsn, autocommit=True, application_name=application_name, cursor_factory=cursor_of(schema))


def make_role(connection: Connection, role: str, *, login: bool = False) -> bool:
    """Make a role unless it is there; return whether it was made.

    Roles are the whole server's: somebody in another of its databases may be making the same one.
    """
    if connection.execute("select from pg_roles where rolname = %s", [role]).rowcount:
        return False
    rights = sql.SQL("login noinherit" if login else "nologin")
    with suppress(errors.DuplicateObject, errors.UniqueViolation), connection.transaction():
        connection.execute(sql.SQL("create role {} {}").format(sql.Identifier(role), rights))
        return True
    return False


@cache
def cursor_of(schema: str) -> type[Cursor]:
    """The cursors of a school. Raises ValueError for what is no name of one.

    Values are no part of a statement and stay as they are; write none into its text.
    """
    if check_name(schema) == DEFAULT:
        return psycopg.Cursor

    class SchoolCursor(psycopg.Cursor[Any]):
        """Runs what is written for `lockstep` in the schema of this school."""

        def execute(self, query: Query, params: Params | None = None, **options: Any) -> Any:
            """See psycopg."""
            return super().execute(self._renamed(query), params, **options)

        def executemany(self, query: Query, params_seq: Any, **options: Any) -> None:
            """See psycopg."""
            super().executemany(self._renamed(query), params_seq, **options)

        def stream(self, query: Query, params: Params | None = None, **options: Any) -> Iterator[Any]:
            """See psycopg."""
            return super().stream(self._renamed(query), params, **options)

        @contextmanager
        def copy(self, statement: Query, params: Params | None = None, **options: Any) -> Iterator[psycopg.Copy]:
            """See psycopg."""
            with super().copy(self._renamed(statement), params, **options) as copy:
                yield copy

        def _renamed(self, query: Query) -> bytes:
            if isinstance(query, str | bytes):
                return _rename(query, schema)
            return _rename(query.as_string(self), schema)  # type: ignore[union-attr]

    return SchoolCursor


@lru_cache(maxsize=1024)
def _rename(query: str | bytes, schema: str) -> bytes:
    return rename(query.decode() if isinstance(query, bytes) else query, schema).encode()


def call(connection: Connection, function: str, schema: str | None = None, /, **arguments: object) -> Row:
    """Call a function of the schema by named arguments (p_ is put before); return its row.

    schema: of a connection that somebody else has opened; without it, the connection's own.
    Raises psycopg.Error; app.errors says what it means.
    """
    cursor_factory = cursor_of(schema) if schema else connection.cursor_factory
    with cursor_factory(connection, row_factory=dict_row) as cursor:
        cursor.execute(
            statement("select * from {}({})", function, *arguments),
            {name: parameter(value) for name, value in arguments.items()},
        )
        row: Row | None = cursor.fetchone()
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
    return sql.SQL(form).format(sql.Identifier(DEFAULT, routine), arguments).as_bytes()


@cache
def selection(view: str, *order: str) -> bytes:
    """Build the statement that reads a view in the order of these columns; `-name`: nulls and the largest first.

    Without columns it is read in the order that it has of itself.
    """
    columns = [
        sql.SQL("{} desc" if name.startswith("-") else "{}").format(sql.Identifier(name.removeprefix("-")))
        for name in order
    ]
    by = sql.SQL(" order by ") + sql.SQL(", ").join(columns) if columns else sql.SQL("")
    return sql.SQL("select * from {}{} limit %(limit)s").format(sql.Identifier("lockstep", view), by).as_bytes()


def parameter(value: object) -> object:
    """Send figures as text, for the server to read as what the parameter is.

    A number of its own type would look for a function of that type: 1.5 (float8) or 3000000000
    (bigint, for an integer) would be "function does not exist", not "out of range".
    """
    return str(value) if isinstance(value, int | float | Decimal) else value
