"""Random concurrent histories of level changes, checked for cycles and lost changes (B7, B12, A10).

license_progressions is the list: one append for every level change, by whatever way, told apart by
the application_name that it records. First the checker itself is shown to find what it is for.
"""

import random
from collections.abc import Callable, Iterator
from itertools import chain

import psycopg
import pytest

from tests.isolation.histories import Append, Read, Transaction, kinds
from tests.pairs import RETRYABLE, Connect, Connection, add_users, at_once, desyncs, one, rows, value

READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = LEVELS = "read committed", "repeatable read", "serializable"

SESSIONS = 8
TRANSACTIONS = 40  # of each session
COMMITTED = 10  # of each at least: it goes on until then, however often it is told to retry,
MOST = 2000  # but not for ever
USERS = range(1, 7)

HISTORY = """
    select
        license.user_id,
        license.current_level,
        progress.current_level as progress_level,
        array_remove(array_agg(step.application_name order by step.id), null) as names,
        array_remove(array_agg(step.from_level order by step.id), null) as from_levels,
        array_remove(array_agg(step.to_level order by step.id), null) as to_levels
    from lockstep.user_licenses as license
    inner join lockstep.specialization_progress as progress
        on progress.student_id = license.user_id and progress.specialization_id = license.specialization_type
    left outer join lockstep.license_progressions as step
        on step.user_id = license.user_id and step.user_license_id = license.id
    where license.user_id = any (%s)
    group by license.user_id, license.current_level, progress.current_level
    """


# The checker ----------------------------------------------------------------------------------


def history(**transactions: str) -> list[Transaction]:
    """Transactions in short: "a+1" appends 1 to a, "a=12" reads 1 and 2 of a, "!" is rolled back."""

    def step(word: str) -> Append | Read:
        key, sign, rest = word[0], word[1], word[2:]
        return Append(key, rest) if sign == "+" else Read(key, tuple(rest))

    return [
        Transaction(name, tuple(step(word) for word in text.split() if word != "!"), "!" not in text)
        for name, text in transactions.items()
    ]


@pytest.mark.parametrize(
    ("transactions", "expected"),
    [
        ({"t1": "a+1", "t2": "a=1 a+2 a=12", "end": "a=12"}, set()),
        ({"t1": "a+1 b+1", "t2": "a+2 b+2", "end": "a=12 b=21"}, {"G0"}),
        ({"t1": "a+1 !", "t2": "a=1", "end": "a=1"}, {"G1a"}),
        ({"t1": "a+1 a+2", "t2": "a=1", "end": "a=12"}, {"G1b", "G-single"}),
        ({"t1": "a+1 b=2", "t2": "b+2 a=1", "end": "a=1 b=2"}, {"G1c"}),
        ({"t1": "a+1 b+2", "t2": "a= b=2", "end": "a=1 b=2"}, {"G-single"}),
        ({"t1": "a= a+1", "t2": "a= a+2", "end": "a=12"}, {"G-single"}),
        ({"t1": "a= b= a+1", "t2": "a= b= b+2", "end": "a=1 b=2"}, {"G2"}),
        ({"t1": "a+1", "t2": "a+2", "end": "a=2"}, {"lost append"}),
        ({"t1": "a+1", "t2": "a+2", "t3": "a=1", "end": "a=21"}, {"incompatible order", "G-single"}),
        ({"t1": "a+1", "end": "a=11"}, {"doubled"}),
        ({"t1": "a+1", "end": "a=13"}, {"unknown"}),
        ({"t1": "a+1 a=", "end": "a=1"}, {"internal"}),
    ],
)
def test_the_checker_finds_each_kind_and_nothing_else(transactions: dict[str, str], expected: set[str]) -> None:
    assert kinds(history(**transactions)) == expected


@pytest.mark.parametrize(("level", "expected"), [(REPEATABLE_READ, {"G2"}), (SERIALIZABLE, set())])
def test_the_checker_finds_write_skew_under_repeatable_read_and_none_under_serializable(
    connect: Connect, connection: Connection, level: str, expected: set[str]
) -> None:
    add_users(connection, *USERS)
    for user in 1, 2:
        connection.execute("select lockstep.update_level(%s, 'PLAYER', 1)", [user])
    first, second = Recorder(connect(), level, "first", 0), Recorder(connect(), level, "second", 0)
    for recorder in first, second:
        recorder.begin()
        recorder.read(1, 2)
    first.call(1)
    second.call(2)
    for recorder in first, second:
        recorder.commit()
    assert kinds([*first.done, *second.done, everything(connection)]) == expected


# Our functions --------------------------------------------------------------------------------


def expect_retryable(error: psycopg.Error) -> None:
    """Raise any other error again."""
    if error.sqlstate not in RETRYABLE:
        raise error


class Recorder:
    """One session: does transactions and keeps what they appended and read."""

    def __init__(self, connection: Connection, level: str, name: str, seed: int) -> None:
        self.connection = connection
        self.level = level
        self.name = name
        self.random = random.Random(f"{level} {name} {seed}")
        self.done: list[Transaction] = []
        self.steps: list[Append | Read] = []

    def begin(self) -> None:
        self.steps = []
        self.connection.execute(f"begin isolation level {self.level}".encode())

    def commit(self) -> None:
        """End the transaction; one that failed, here or before, is recorded as rolled back."""
        committed = True
        try:
            self.connection.execute("commit")
        except psycopg.Error as error:
            expect_retryable(error)
            committed = False
        self._record(committed)

    def _record(self, committed: bool) -> None:
        self.done.append(Transaction(f"{self.name}.{len(self.done)}", tuple(self.steps), committed))

    def committed(self) -> int:
        """How many transactions were."""
        return sum(transaction.committed for transaction in self.done)

    def run(self, work: Callable[[], None]) -> None:
        """Do a whole transaction."""
        self.begin()
        try:
            work()
        except psycopg.Error as error:
            self.connection.execute("rollback")
            expect_retryable(error)
            self._record(committed=False)
        except BaseException:
            # Or the other sessions would wait for this one for ever.
            self.connection.execute("rollback")
            raise
        else:
            self.commit()

    def _tag(self) -> str:
        tag = f"{self.name}.{len(self.done)}.{len(self.steps)}"
        self.connection.execute("select set_config('application_name', %s, true)", [tag])
        return tag

    def call(self, user: int) -> None:
        """Set a level by update_level(): an append, unless it is the level that is there."""
        tag = self._tag()
        level = self.random.randint(2, 8)
        answer = one(self.connection, "select * from lockstep.update_level(%s, 'PLAYER', %s)", user, level)
        if answer.progression_created:
            self.steps.append(Append(str(user), tag))

    def raw(self, user: int) -> None:
        """Set a level by plain SQL on either table, as an old application does."""
        tag = self._tag()
        table, column = self.random.choice([("specialization_progress", "student_id"), ("user_licenses", "user_id")])
        level = self.random.randint(2, 8)
        self.connection.execute("set local role lockstep_legacy")
        rows(
            self.connection,
            f"update lockstep.{table} set current_level = %s where {column} = %s returning id",
            level,
            user,
        )
        self.connection.execute("reset role")
        if value(
            self.connection,
            "select exists(select from lockstep.license_progressions where user_id = %s and application_name = %s)",
            user,
            tag,
        ):
            self.steps.append(Append(str(user), tag))

    def append(self, user: int) -> None:
        self.random.choice([self.call, self.call, self.raw])(user)

    def read(self, *users: int) -> None:
        """Read lists in one statement; each explains the levels that stand beside it."""
        for row in rows(self.connection, HISTORY, list(users)):
            assert row.current_level == row.progress_level == ([1, *row.to_levels])[-1]
            assert row.from_levels == [1, *row.to_levels][:-1]
            self.steps.append(Read(str(row.user_id), tuple(row.names)))

    def disciplined(self) -> None:
        """What a caller does who writes first and reads what it wrote, or reads in one statement."""
        first, second = sorted(self.random.sample(USERS, 2))
        match self.random.randrange(4):
            case 0:
                self.append(first)
            case 1:
                self.append(first)
                self.read(first)
            case 2:
                self.read(*USERS)
            case _:
                self.append(first)
                self.append(second)
                self.read(first, second)

    def free(self) -> None:
        """Reads anywhere, decisions on them, several pairs: what needs SERIALIZABLE. Sorted: no deadlock."""
        for user in sorted(self.random.sample(USERS, 3)):
            self.read(*self.random.sample(USERS, 2))
            if self.random.random() < 0.5:
                self.append(user)


def everything(connection: Connection) -> Transaction:
    """The last transaction: reads every list."""
    recorder = Recorder(connection, READ_COMMITTED, "everything", 0)
    recorder.read(*USERS)
    return Transaction("everything", tuple(recorder.steps))


@pytest.fixture
def recorded(
    connect: Connect, connection: Connection, level: str, manner: Callable[[Recorder], None]
) -> Iterator[list[Transaction]]:
    """A few hundred transactions by eight sessions at once."""
    add_users(connection, *USERS)
    for user in USERS:
        connection.execute("select lockstep.update_level(%s, 'PLAYER', 1)", [user])
    recorders = [Recorder(connect(), level, f"session{number}", number) for number in range(SESSIONS)]

    def work(recorder: Recorder) -> None:
        while len(recorder.done) < TRANSACTIONS or recorder.committed() < COMMITTED:
            assert len(recorder.done) < MOST
            recorder.run(lambda: manner(recorder))

    at_once([lambda recorder=recorder: work(recorder) for recorder in recorders])  # type: ignore[misc]
    yield [*chain.from_iterable(recorder.done for recorder in recorders), everything(connection)]
    assert desyncs(connection) == 0


@pytest.mark.parametrize("manner", [Recorder.disciplined])
@pytest.mark.parametrize("level", LEVELS)
def test_eight_sessions_make_one_serial_history_at_every_level(recorded: list[Transaction], level: str) -> None:
    assert kinds(recorded) == set()
    if level == READ_COMMITTED:
        assert all(transaction.committed for transaction in recorded)


@pytest.mark.parametrize("manner", [Recorder.free])
@pytest.mark.parametrize(
    ("level", "allowed"),
    [(READ_COMMITTED, {"G-single", "G2"}), (REPEATABLE_READ, {"G2"}), (SERIALIZABLE, set())],
)
def test_callers_who_decide_on_what_they_read_get_what_the_isolation_level_promises(
    recorded: list[Transaction], allowed: set[str]
) -> None:
    assert kinds(recorded) <= allowed


@pytest.mark.parametrize("manner", [Recorder.disciplined])
@pytest.mark.parametrize("level", [READ_COMMITTED])
def test_the_lists_are_the_history_and_nothing_else_is_in_it(
    recorded: list[Transaction], connection: Connection
) -> None:
    appended = sum(len(list(done.appends())) for done in recorded if done.committed)
    assert appended == value(connection, "select count(*) from lockstep.license_progressions")
