"""What the tests say about pairs: call, read both sides, put a pair out of step by force, race."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from app.loader import statements

Connection = psycopg.Connection[Any]
Connect = Callable[..., Connection]

RETRYABLE = {"40001", "40P01"}


def rows(connection: Connection, query: str, *values: object) -> list[Any]:
    """Every row, as a named tuple."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()


def one(connection: Connection, query: str, *values: object) -> Any:
    """The only row."""
    (row,) = rows(connection, query, *values)
    return row


def value(connection: Connection, query: str, *values: object) -> Any:
    """The only value of the only row."""
    (found,) = one(connection, query, *values)
    return found


@contextmanager
def refused(*sqlstates: str) -> Iterator[pytest.ExceptionInfo[psycopg.Error]]:
    """Expect this SQLSTATE, or one of these."""
    with pytest.raises(psycopg.Error) as caught:
        yield caught
    assert caught.value.sqlstate in sqlstates, f"{caught.value.sqlstate}: {caught.value}"


def outcome(connection: Connection, *statements: str) -> str | None:
    """Run statements as one transaction; return the SQLSTATE that it ended in, None: committed."""
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def run_script(connection: Connection, text: str) -> None:
    """Run statements one by one: of changes to tables Citus takes no two at once."""
    for statement in statements(text):
        connection.execute(statement.encode())


def age(connection: Connection, table: str, time: str, *columns: str, where: str = "true") -> None:
    """Make what a table says happen so much earlier; by way of UTC: Citus takes no other arithmetic of time there."""
    sets = ", ".join(f"{name} = ({name} at time zone 'UTC' - interval '{time}') at time zone 'UTC'" for name in columns)
    connection.execute(f"update lockstep.{table} set {sets} where {where}".encode())


def add_users(connection: Connection, *ids: int) -> None:
    connection.execute(
        "insert into lockstep.users (id, email, name)"
        " select n, format('student%%s@example.org', n), format('Student %%s', n)"
        " from unnest(%s::bigint[]) as n",
        [list(ids)],
    )


def call(connection: Connection, function: str, *arguments: object, **named: object) -> Any:
    """Call a function of ours by position and by name (without p_); return its row."""
    marks = ["%s"] * len(arguments) + [f"p_{name} => %s" for name in named]
    query = f"select * from lockstep.{function}({', '.join(marks)})"
    return one(connection, query, *arguments, *named.values())


def update_level(connection: Connection, *arguments: object, **named: object) -> Any:
    return call(connection, "update_level", *arguments, **named)


def level_up(connection: Connection, *arguments: object, **named: object) -> Any:
    return call(connection, "level_up", *arguments, **named)


def progress(connection: Connection, user: int = 1, specialization: str = "PLAYER") -> Any:
    """The whole progress row."""
    return one(
        connection,
        "select * from lockstep.specialization_progress where student_id = %s and specialization_id = %s",
        user,
        specialization,
    )


def license(connection: Connection, user: int = 1, specialization: str = "PLAYER") -> Any:
    """The whole license."""
    return one(
        connection,
        "select * from lockstep.user_licenses where user_id = %s and specialization_type = %s",
        user,
        specialization,
    )


def levels(connection: Connection, user: int = 1, specialization: str = "PLAYER") -> tuple[int | None, int | None]:
    """The levels of progress and license; None for a side that is missing."""
    found = one(
        connection,
        """
        select
            (select current_level from lockstep.specialization_progress
             where student_id = %s and specialization_id = %s) as of_progress,
            (select current_level from lockstep.user_licenses
             where user_id = %s and specialization_type = %s) as of_license
        """,
        *(user, specialization) * 2,
    )
    return found[0], found[1]


def history(connection: Connection, user: int = 1, specialization: str = "PLAYER") -> list[tuple[int | None, int, str]]:
    """From, to and route of every history row of a pair, oldest first; remarks of clients too."""
    return [
        (row.from_level, row.to_level, row.route)
        for row in rows(
            connection,
            """
            select progression.from_level, progression.to_level, progression.route
            from lockstep.license_progressions as progression
            inner join lockstep.user_licenses as license
                on license.user_id = progression.user_id
                and license.id = progression.user_license_id
            where license.user_id = %s and license.specialization_type = %s
            order by progression.id
            """,
            user,
            specialization,
        )
    ]


def desyncs(connection: Connection) -> int:
    found: int = value(connection, "select count(*) from lockstep.desync")
    return found


@contextmanager
def rules_off(connection: Connection) -> Iterator[None]:
    """As a superuser, in one transaction: no trigger of either table fires, keys included."""
    tables = "specialization_progress", "user_licenses"
    with connection.transaction():
        connection.execute("set local client_min_messages = warning")
        for table in tables:
            connection.execute(f"alter table lockstep.{table} disable trigger all".encode())
        yield
        for table in tables:
            connection.execute(f"alter table lockstep.{table} enable trigger all".encode())
        connection.execute("select lockstep.arm_keys()")  # `enable trigger all` takes ALWAYS away


def plant(
    connection: Connection,
    progress: int | None,
    license: int | None,
    user: int = 1,
    specialization: str = "PLAYER",
    xp: int = 0,
) -> None:
    """Put a pair at these levels by force, without history; None: that side is missing."""
    key = user, specialization
    with rules_off(connection):
        connection.execute(
            "delete from lockstep.specialization_progress where student_id = %s and specialization_id = %s",
            key,
        )
        connection.execute(
            "delete from lockstep.user_licenses where user_id = %s and specialization_type = %s",
            key,
        )
        if progress is not None:
            connection.execute(
                "insert into lockstep.specialization_progress"
                " (student_id, specialization_id, current_level, total_xp) values (%s, %s, %s, %s)",
                [*key, progress, xp],
            )
        if license is not None:
            connection.execute(
                "insert into lockstep.user_licenses"
                " (user_id, specialization_type, current_level, max_achieved_level)"
                " values (%s, %s, %s, %s)",
                [*key, license, license],
            )


@contextmanager
def background(connection: Connection, query: str, *values: object) -> Iterator[Future[list[Any]]]:
    """Send a statement in another thread; what comes back, or the error, is in the future.

    Whatever still runs when the block is left is cancelled: a failed test ends, too.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(rows, connection, query, *values)
        try:
            yield future
        finally:
            if not future.done():
                connection.cancel_safe()


def at_once(work: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each in a thread of its own, started together; return what each returned."""
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(one_) for one_ in work]]


def retry(work: Callable[[], Any]) -> int:
    """Run a unit of work until it does not end in 40001 or 40P01; return how often that was."""
    for attempt in count():
        try:
            work()
            return attempt
        except psycopg.Error as error:
            if error.sqlstate not in RETRYABLE:
                raise
    raise AssertionError("unreachable")
