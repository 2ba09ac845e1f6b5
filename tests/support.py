"""What several tests need besides fixtures."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

# Seconds until a thing that should have happened counts as failed: a process that starts may take a busy machine long.
DEADLINE = 180

# What a limit is where it is not what a test is about: a busy machine may stand still for seconds.
NEVER = "1 h"

# Of the name of every database that a run makes on its server.
PREFIX = "suite_"

# Nothing here has to outlive the machine.
SERVER_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


def folder_for_servers() -> Path:
    """Return a place for data directories: memory where there is room, it is ten times faster."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= 1 << 30:
        return memory
    return Path(tempfile.gettempdir())


def wait_until(
    connection: psycopg.Connection[Any], condition: Callable[[], bool], what: str, deadline: float = DEADLINE
) -> None:
    """Look every 10 ms, by the server's clock, until the condition holds."""
    for _ in range(int(deadline * 100)):
        if condition():
            return
        connection.execute("select pg_sleep(0.01)")
    raise AssertionError(f"after {deadline} s still waiting until {what}")


def wait_until_blocked(connection: psycopg.Connection[Any], pid: int, by: int | None = None) -> None:
    """Return once the backend `pid` waits for a lock, of the backend `by` if given.

    Looks through `connection`, which has to be a third one.
    """

    def is_blocked() -> bool:
        row = connection.execute("select pg_blocking_pids(%s)", [pid]).fetchone()
        blockers: list[int] = row[0] if row else []
        return by in blockers if by else bool(blockers)

    wait_until(connection, is_blocked, f"backend {pid} is blocked by {by or 'another'}")


def end_session(connection: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> None:
    """End another session, and return once it is gone for everybody: its client knows of it a moment before."""
    pid = other.info.backend_pid
    connection.execute("select pg_terminate_backend(%s::integer)", [pid])
    gone = "select not exists(select from pg_stat_activity where pid = %s)"
    wait_until(connection, lambda: connection.execute(gone, [pid]).fetchone() == (True,), f"backend {pid} has ended")


def clients(connection: psycopg.Connection[Any], database: str | None = None, besides: Sequence[int] = ()) -> list[str]:
    """Describe the clients of a database, or of the whole server, besides this connection and these processes."""
    rows = connection.execute(
        """
        select format('%%s pid=%%s application=%%s state=%%s query=%%s',
                      datname, pid, application_name, state, left(query, 200))
        from pg_stat_activity
        where backend_type = 'client backend'
            and pid <> pg_backend_pid()
            and pid <> all(%s)
            and application_name not like 'citus\\_internal%%'  -- nodes of a cluster call each other
            and datname = coalesce(%s, datname)
        """,
        [list(besides), database],
    )
    return [text for (text,) in rows]


def clients_left(
    connection: psycopg.Connection[Any], database: str | None = None, besides: Sequence[int] = ()
) -> list[str]:
    """Return the clients that do not go away by themselves: a closed one takes a moment."""
    try:
        wait_until(connection, lambda: not clients(connection, database, besides), "no client is left")
    except AssertionError:
        return clients(connection, database, besides)
    return []
