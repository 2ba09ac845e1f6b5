"""Users with a pair, and a chain of three sessions: one holds, one waits for it, one waits for that."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.pairs import Connect, Connection, add_users, background, update_level, value
from tests.support import wait_until, wait_until_blocked

CHANGE = "update lockstep.user_licenses set current_level = current_level + 1 where user_id = 1 and 'a word' <> ''"
AWARD = "select * from lockstep.level_up(1, 'PLAYER', 5)"


@dataclass(frozen=True)
class Chain:
    """The server processes of a chain, and the session that holds."""

    holder: Connection
    root: int
    second: int
    third: int


@pytest.fixture
def people(connection: Connection) -> None:
    """Users 1 to 3, with PLAYER at level 2."""
    add_users(connection, 1, 2, 3)
    for user in (1, 2, 3):
        update_level(connection, user, "PLAYER", 2)


@pytest.fixture
def chain(people: None, connect: Connect, connection: Connection) -> Iterator[Chain]:
    """Three sessions of the application, until the test ends: the first is idle in transaction."""
    with chained(connect, connection) as made:
        yield made


def run_slower(connection: Connection) -> None:
    """Run what `select pg_sleep(0.0) as marked` ran, three times as long as that took on the mean, or longer."""
    mean = value(connection, "select mean_ms from lockstep.statement_stats where query like '%%marked%%'")
    connection.execute(f"select pg_sleep({0.02 + 3 * mean / 1000:f}) as marked".encode())


@contextmanager
def chained(connect: Connect, connection: Connection) -> Iterator[Chain]:
    """Make the chain; everything goes on at the end."""
    # After a deadlock_timeout a session is awake for a moment, and then waits for nothing that could be seen.
    waits = {"options": "-c deadlock_timeout=1h"}
    holder = connect("lockstep_legacy", application_name="forgotten editor")
    second = connect("lockstep_app", application_name="import", **waits)
    third = connect("lockstep_app", application_name="web", **waits)
    pids = [session.info.backend_pid for session in (holder, second, third)]
    with ExitStack() as stack:
        stack.callback(holder.execute, "rollback")
        holder.execute("begin")
        holder.execute(CHANGE.encode())
        for session, before in ((second, pids[0]), (third, pids[1])):
            stack.enter_context(background(session, AWARD))
            wait_until_blocked(connection, session.info.backend_pid, before)
        # It stands in the queue of a lock a moment before it says that it waits.
        said = "select count(*) = 2 from pg_stat_activity where pid = any(%s) and wait_event_type = 'Lock'"
        wait_until(connection, lambda: value(connection, said, pids[1:]), "both say that they wait")
        # Run in reverse: the holder lets go first.
        stack.callback(holder.execute, "rollback")
        yield Chain(holder, *pids)
