"""Reads from a replica: whether it may answer, and who is asked where it may not.

A replica shows what it has replayed. Two things decide whether that is enough for a read, and both are
positions in the primary's log:

- what the person who asks, or whom the read is about, was last written by: kept by user in memory that the
  processes of one machine share, and told to clients in Lockstep-Position, for the other machines;
- where the primary was, at most `lag` seconds ago, by this process's own clock: so nothing that was committed
  longer ago is missed, whatever the replica believes of itself, or the network between the two does.

Only a good answer comes from a replica. Whatever it refuses, or cannot answer, the primary is asked.
"""

import fcntl
import mmap
import os
import re
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import psycopg
from flask import Flask, Response, g, request
from psycopg import errors
from psycopg_pool import PoolTimeout, TooManyRequests

from app import db
from app.db import Row
from app.http.pool import BoundedPool
from app.http.problems import ProblemError

HEADER = "Lockstep-Position"

# How a connection of the replica is opened: a machine that went silent is given up after so long.
SILENCE: dict[str, Any] = {"connect_timeout": 2, "tcp_user_timeout": 2000}  # seconds, milliseconds

# Seconds that a read waits for a connection, of the replica or to learn where the primary is.
PATIENCE = 0.25

# Seconds for which a replica that failed is left alone: the first time, and at most.
FIRST_REST, LONGEST_REST = 1.0, 30.0

# With synchronous_commit off a commit is told before it is flushed, and only what is flushed is sent.
POSITION = """
select case current_setting('synchronous_commit')
    when 'off' then pg_current_wal_insert_lsn()
    else pg_current_wal_flush_lsn()
end::text
"""

# Lost a race with what is replayed: the replica removes what a query still looks at.
CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)

# A commit whose position is not known: no replica has it.
UNKNOWN = 2**64 - 1


class UnfitError(Exception):
    """A replica that may not answer this read; the reason is its argument."""


class Known(NamedTuple):
    """Where the primary was, or was already beyond, at a moment of time.monotonic()."""

    at: float
    position: int


def to_number(position: str) -> int:
    """Read a position as PostgreSQL writes it; UNKNOWN for what is none."""
    if not re.fullmatch(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", position):
        return UNKNOWN
    high, low = position.split("/")
    return int(high, 16) << 32 | int(low, 16)


def to_text(position: int) -> str:
    """Write a position as PostgreSQL does."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


class Positions:
    """Of each user the position of the last write, in memory that is shared with processes forked later.

    Users share places; one that is too high sends a read to the primary, and does no harm.
    """

    PLACES = 1 << 16
    SIZE = 8

    def __init__(self) -> None:
        self.file = os.memfd_create("lockstep-positions")
        os.ftruncate(self.file, self.PLACES * self.SIZE)
        self.memory = mmap.mmap(self.file, self.PLACES * self.SIZE)
        self.lock = threading.Lock()

    def of(self, users: Iterable[int]) -> int:
        """The highest of these users, 0 where none has written."""
        # Eight aligned bytes are read and written at once.
        return max((struct.unpack_from("=Q", self.memory, self._place(user))[0] for user in users), default=0)

    def raise_to(self, position: int, users: Iterable[int]) -> None:
        """Note a write."""
        for user in users:
            self._put(user, lambda held: max(held, position))

    def settle(self, position: int, users: Iterable[int]) -> None:
        """Put a position that is known in the place of one that was not."""
        for user in users:
            self._put(user, lambda held: position if held == UNKNOWN else held)

    def _place(self, user: int) -> int:
        return user % self.PLACES * self.SIZE

    def _put(self, user: int, choose: Callable[[int], int]) -> None:
        place = self._place(user)
        # The system's lock is between processes, and goes with one that is killed; the other between threads.
        with self.lock:
            fcntl.lockf(self.file, fcntl.LOCK_EX, self.SIZE, place)
            try:
                (held,) = struct.unpack_from("=Q", self.memory, place)
                struct.pack_into("=Q", self.memory, place, choose(held))
            finally:
                fcntl.lockf(self.file, fcntl.LOCK_UN, self.SIZE, place)


class Rest:
    """Whether a replica that failed is left alone; after a while one read tries, and the pause doubles."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.until = 0.0
        self.pause = 0.0

    def is_over(self) -> bool:
        """Whether to ask it. Of a resting one, whoever is told yes first is the only one for the next pause."""
        with self.lock:
            now = time.monotonic()
            if now < self.until:
                return False
            if self.pause:
                self.until = now + self.pause
                self.pause = min(self.pause * 2, LONGEST_REST)
            return True

    def begin(self) -> None:
        """Leave it alone from now on."""
        with self.lock:
            if not self.pause:
                self.pause = FIRST_REST
                self.until = time.monotonic() + self.pause

    def end(self) -> None:
        """It answered."""
        with self.lock:
            self.until = self.pause = 0.0


class Replica:
    """A replica of a process, and what the process knows of the primary."""

    def __init__(self, pool: BoundedPool, primary: BoundedPool, lag: float) -> None:
        """Describe it.

        pool     its connections
        primary  those of the primary, to learn where that is
        lag      seconds that an answer may be behind, at most
        """
        self.pool = pool
        self.primary = primary
        self.lag = lag
        self.written = Positions()
        self.rest = Rest()
        self.known: list[Known] = []
        self.lock = threading.Lock()
        self.learning = threading.Lock()

    def read(self, users: set[int], attempt: Callable[[], list[Row]]) -> list[Row] | None:
        """Have it answer, where it may; None: ask the primary. What came of it is counted, from g.replica.

        users    who asks, and whom the read is about
        attempt  the transaction; it calls check() with what its first statement saw
        """
        rows, outcome, losses = None, "answered", self._losses()
        try:
            if not self.rest.is_over():
                raise UnfitError("resting")
            g.awaited = self._awaited(users)
            rows = attempt()
        except UnfitError as unfit:
            outcome = str(unfit)
        except (PoolTimeout, TooManyRequests):
            # A pooler whose server is gone lets everybody in, and fails at the first statement.
            outcome = "failed" if self._losses() > losses else "busy"
        except ProblemError:  # no connection, or one that broke
            outcome = "failed"
        except CONFLICTS:
            outcome = "conflict"
        except psycopg.Error as error:
            # What it does not know yet, or what it cannot do; the primary says which.
            outcome = "refused" if error.sqlstate else "failed"
        if outcome in ("failed", "promoted"):
            self.rest.begin()
        g.setdefault("replica", []).append(outcome)
        return rows

    def _losses(self) -> int:
        """How often a connection could not be opened, or was found broken."""
        figures = self.pool.get_stats()
        return sum(figures.get(name, 0) for name in ("connections_errors", "connections_lost", "returns_bad"))

    def check(self, is_replica: bool, replayed: str | None) -> None:
        """Compare what a connection has replayed with what is awaited. Raises UnfitError."""
        if not is_replica or replayed is None:
            raise UnfitError("promoted")
        self.rest.end()
        written, recent = g.awaited
        if to_number(replayed) < recent:
            raise UnfitError("lagging")
        if to_number(replayed) < written:
            raise UnfitError("behind")

    def note(self, connection: db.Connection, users: set[int]) -> None:
        """After a commit over this connection: remember its position, and tell the client."""
        try:
            position = self._learn(connection)
        except psycopg.Error:  # what was committed stays so, and the next read finds out
            self.written.raise_to(UNKNOWN, users)
            return
        self.written.raise_to(position, users)
        g.position = to_text(position)

    def _awaited(self, users: set[int]) -> tuple[int, int]:
        """What has to be replayed: the last write that counts for this read, and where the primary was a while ago."""
        recent = self._recent()
        given = request.headers.get(HEADER)
        written = max(self.written.of(users), to_number(given) if given else 0)
        if written == UNKNOWN:
            with self.primary.connection(PATIENCE) as connection:
                self.written.settle(self._learn(connection), users)
            raise UnfitError("behind")
        return written, recent

    def _recent(self) -> int:
        """Where the primary was, as long ago as known within `lag`. Raises UnfitError where nothing is."""
        now = time.monotonic()
        newest = self.known[-1].at if self.known else 0.0
        # One of the reads asks, four times in the span; the others go by what is known.
        if now - newest > self.lag / 4 and self.learning.acquire(blocking=False):
            try:
                with self.primary.connection(PATIENCE) as connection:
                    self._learn(connection)
            except psycopg.Error:
                pass  # the primary will say so itself, where it is asked
            finally:
                self.learning.release()
        now = time.monotonic()
        recent = [known for known in self.known if known.at >= now - self.lag]
        if not recent:
            raise UnfitError("lagging")
        return recent[0].position

    def _learn(self, connection: db.Connection) -> int:
        """Ask the primary where it is."""
        at = time.monotonic()
        row = connection.execute(POSITION).fetchone()
        assert row is not None
        position = to_number(row[0])
        with self.lock:
            if not self.known or at - self.known[-1].at > self.lag / 4:
                self.known = [known for known in self.known if known.at >= at - self.lag] + [Known(at, position)]
        return position


def init_app(app: Flask) -> None:
    """Tell clients the position of what they have written."""
    app.after_request(_tell)


def _tell(answer: Response) -> Response:
    if position := g.get("position"):
        answer.headers[HEADER] = position
    return answer
