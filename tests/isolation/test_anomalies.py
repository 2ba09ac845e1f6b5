"""The ten anomalies of Hermitage (github.com/ept/hermitage), asked of our functions (B12, B7).

TABLE says what each isolation level gives when transactions read by validate_consistency() or by a
predicate, and write by level_up() and update_level(). Where an anomaly is possible it lies in what
the caller does between two calls; inside one call there is none, at any level.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.pairs import Connect, Connection, add_users, call, desyncs, level_up, one, update_level, value
from tests.support import wait_until_blocked

READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = LEVELS = "read committed", "repeatable read", "serializable"

PREVENTED, POSSIBLE, RETRY = "prevented", "possible", "prevented: 40001, retry"


@dataclass
class Transaction:
    """One session's transaction. After an error it does nothing more, as PostgreSQL has it."""

    connection: Connection
    watcher: Connection
    pool: ThreadPoolExecutor
    ended: str = "open"
    pending: list[Future[Any]] = field(default_factory=list)

    def _do(self, work: Callable[[], Any]) -> Any:
        if self.ended != "open":
            return None
        try:
            return work()
        except psycopg.Error as error:
            self.ended = error.sqlstate or "lost"
            self.connection.execute("rollback")
            return None

    def read(self, user: int = 1) -> int | None:
        """The level of a student as validate_consistency() says it; both sides agree."""

        def work() -> int | None:
            answer = call(self.connection, "validate_consistency", user, "PLAYER")
            assert answer.consistent, answer.message
            level: int | None = answer.level
            return level

        found: int | None = self._do(work)
        return found

    def holders(self, level: int) -> int | None:
        """How many hold at least this level: a read by predicate, of progress and license at once."""
        query = (
            "select count(*) from lockstep.specialization_progress as progress"
            " inner join lockstep.user_licenses as license on license.user_id = progress.student_id"
            " and license.specialization_type = progress.specialization_id"
            " where progress.current_level >= %s and license.current_level >= %s"
        )
        found: int | None = self._do(lambda: value(self.connection, query, level, level))
        return found

    def write(self, user: int, level: int) -> None:
        self._do(lambda: update_level(self.connection, user, "PLAYER", level))

    def earn(self, user: int, xp: int) -> None:
        self._do(lambda: level_up(self.connection, user, "PLAYER", xp))

    def later(self, step: Callable[[], None]) -> None:
        """Take a step that has to wait for another transaction, and prove that it waits."""
        self.pending.append(self.pool.submit(step))
        wait_until_blocked(self.watcher, self.connection.info.backend_pid)

    def settle(self) -> None:
        """Let the step that waited come to its end."""
        while self.pending:
            self.pending.pop().result()

    def commit(self) -> None:
        self.settle()
        self._do(lambda: self.connection.execute("commit"))
        if self.ended == "open":
            self.ended = "committed"

    def rollback(self) -> None:
        self._do(lambda: self.connection.execute("rollback"))
        self.ended = "rolled back"


@dataclass
class Stage:
    """Students 1 and 2 are PLAYERs of level 1; the transactions are of one isolation level."""

    connect: Connect
    level: str
    watcher: Connection
    begun: list[Transaction] = field(default_factory=list)

    def begin(self) -> Transaction:
        connection = self.connect()
        connection.execute(f"begin isolation level {self.level}".encode())
        self.begun.append(Transaction(connection, self.watcher, ThreadPoolExecutor(1)))
        return self.begun[-1]

    def of(self, user: int) -> int | None:
        """The level that is committed."""
        answer = call(self.watcher, "validate_consistency", user, "PLAYER")
        assert answer.consistent
        level: int | None = answer.level
        return level

    def verdict(self, seen: bool) -> str:
        """What happened: the anomaly, or else what prevented it."""
        if seen:
            return POSSIBLE
        ends = {transaction.ended for transaction in self.begun}
        assert ends <= {"committed", "rolled back", "40001"}
        return RETRY if "40001" in ends else PREVENTED


@pytest.fixture
def stage(connect: Connect, connection: Connection, isolation: str) -> Iterator[Stage]:
    add_users(connection, 1, 2, 3, 4)
    for user in 1, 2:
        update_level(connection, user, "PLAYER", 1)
    stage = Stage(connect, isolation, connection)
    yield stage
    for transaction in stage.begun:
        transaction.pool.shutdown()
    assert desyncs(connection) == 0


def g0_write_cycle(stage: Stage) -> bool:
    """Two transactions write the same two pairs; one's write stands on the first, the other's on the second."""
    one, two = stage.begin(), stage.begin()
    one.write(1, 2)
    two.later(partial(two.write, 1, 3))
    one.write(2, 2)
    one.commit()
    two.settle()
    two.write(2, 3)
    two.commit()
    return stage.of(1) != stage.of(2)


def g1a_aborted_read(stage: Stage) -> bool:
    """A level is seen that is rolled back later."""
    one, two = stage.begin(), stage.begin()
    one.write(1, 5)
    before = two.read()
    one.rollback()
    after = two.read()
    two.commit()
    return 5 in (before, after)


def g1b_intermediate_read(stage: Stage) -> bool:
    """A level is seen that its own transaction replaces before it commits."""
    one, two = stage.begin(), stage.begin()
    one.write(1, 5)
    before = two.read()
    one.write(1, 2)
    one.commit()
    after = two.read()
    two.commit()
    return 5 in (before, after)


def g1c_circular_flow(stage: Stage) -> bool:
    """Each of two transactions sees what the other wrote."""
    one, two = stage.begin(), stage.begin()
    one.write(1, 2)
    two.write(2, 3)
    seen = one.read(2), two.read(1)
    one.commit()
    two.commit()
    return seen == (3, 2)


def otv_observed_transaction_vanishes(stage: Stage) -> bool:
    """A reader sees a transaction's write of one pair, and then its write of another undone."""
    one, two = stage.begin(), stage.begin()
    one.write(1, 2)
    one.write(2, 2)
    two.later(partial(two.write, 1, 3))
    one.commit()
    two.settle()
    reader = stage.begin()
    first = reader.read(1) or 0
    two.write(2, 3)
    second = reader.read(2) or 0
    two.commit()
    third, fourth = reader.read(2) or 0, reader.read(1) or 0
    reader.commit()
    # What is seen of a pair never goes back, and what one transaction wrote is seen together.
    return not (2 <= first <= fourth and 2 <= second <= third <= fourth)


def pmp_predicate_many_preceders(stage: Stage) -> bool:
    """The same question twice in a transaction, two answers: somebody reached the level in between."""
    one, two = stage.begin(), stage.begin()
    before = one.holders(3)
    two.write(3, 3)
    two.commit()
    after = one.holders(3)
    one.commit()
    return before != after


def p4_lost_update(stage: Stage) -> bool:
    """Two awards of XP by level_up(): one is lost."""
    one, two = stage.begin(), stage.begin()
    one.read()
    two.read()
    one.earn(1, 100)
    two.later(partial(two.earn, 1, 100))
    one.commit()
    two.commit()
    xp = value(stage.watcher, "select total_xp from lockstep.specialization_progress where student_id = 1")
    return bool(xp != 100 * [one.ended, two.ended].count("committed"))


def p4_lost_update_by_the_caller(stage: Stage) -> bool:
    """Two callers read the level, add one by themselves and set it: one of the two is lost."""
    one, two = stage.begin(), stage.begin()
    first, second = one.read() or 0, two.read() or 0
    one.write(1, first + 1)
    two.later(partial(two.write, 1, second + 1))
    one.commit()
    two.commit()
    return stage.of(1) != 1 + [one.ended, two.ended].count("committed")


def g_single_read_skew(stage: Stage) -> bool:
    """Of two pairs written together, the first is seen before and the second after."""
    one, two = stage.begin(), stage.begin()
    first = one.read(1)
    two.write(1, 4)
    two.write(2, 4)
    two.commit()
    second = one.read(2)
    one.commit()
    return first != second


def g2_item_write_skew(stage: Stage) -> bool:
    """Each sees that nobody is above level 1, and raises one of the two students: now both are."""
    one, two = stage.begin(), stage.begin()
    seen = {one.read(1), one.read(2), two.read(1), two.read(2)}
    one.write(1, 2)
    two.write(2, 2)
    one.commit()
    two.commit()
    return seen == {1} and stage.of(1) == stage.of(2) == 2


def g2_anti_dependency_cycle(stage: Stage) -> bool:
    """The same by predicate: each counts nobody at level 3 and makes somebody who is."""
    one, two = stage.begin(), stage.begin()
    seen = {one.holders(3), two.holders(3)}
    one.write(3, 3)
    two.write(4, 3)
    one.commit()
    two.commit()
    return seen == {0} and stage.of(3) == stage.of(4) == 3


# The anomaly: what READ COMMITTED, REPEATABLE READ and SERIALIZABLE give.
TABLE: dict[Callable[[Stage], bool], tuple[str, str, str]] = {
    g0_write_cycle: (PREVENTED, RETRY, RETRY),
    g1a_aborted_read: (PREVENTED, PREVENTED, PREVENTED),
    g1b_intermediate_read: (PREVENTED, PREVENTED, PREVENTED),
    g1c_circular_flow: (PREVENTED, PREVENTED, RETRY),
    otv_observed_transaction_vanishes: (PREVENTED, RETRY, RETRY),
    pmp_predicate_many_preceders: (POSSIBLE, PREVENTED, PREVENTED),
    p4_lost_update: (PREVENTED, RETRY, RETRY),
    # Levels are set, XP is added: what is computed outside the database asks for REPEATABLE READ.
    p4_lost_update_by_the_caller: (POSSIBLE, RETRY, RETRY),
    g_single_read_skew: (POSSIBLE, PREVENTED, PREVENTED),
    # A rule of the caller's over two pairs asks for SERIALIZABLE.
    g2_item_write_skew: (POSSIBLE, POSSIBLE, RETRY),
    g2_anti_dependency_cycle: (POSSIBLE, POSSIBLE, RETRY),
}


@pytest.mark.parametrize("isolation", LEVELS)
@pytest.mark.parametrize("anomaly", TABLE, ids=lambda anomaly: anomaly.__name__)
def test_each_level_prevents_what_the_table_says(stage: Stage, anomaly: Callable[[Stage], bool]) -> None:
    seen = anomaly(stage)
    assert stage.verdict(seen) == TABLE[anomaly][LEVELS.index(stage.level)]


@pytest.mark.parametrize("isolation", LEVELS)
def test_one_statement_never_sees_two_levels_of_one_pair(stage: Stage) -> None:
    """The two sides are written by one statement, but read skew would show if they were read by two."""
    look = (
        "select progress.current_level as progress, license.current_level as license"
        " from lockstep.specialization_progress as progress"
        " inner join lockstep.user_licenses as license on license.user_id = progress.student_id"
        " where progress.student_id = 1"
    )
    reader = stage.begin()
    seen, outside = [], []
    for level in 2, 3, 4:
        writer = stage.begin()
        writer.write(1, level)
        for transaction in reader, writer:
            seen.append(one(transaction.connection, look))
            assert transaction.read(1) == seen[-1].license
            assert desyncs(transaction.connection) == 0
        outside.append(one(stage.watcher, look))
        writer.commit()
        outside.append(one(stage.watcher, look))
    reader.commit()
    assert all(row.progress == row.license for row in seen + outside)
    assert [row.progress for row in outside] == [1, 2, 2, 3, 3, 4]
