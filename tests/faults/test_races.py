"""Races: two sessions that want the same thing, at every isolation level, with proof of waiting.

The first one holds what it changed, the second one is seen to wait for it, the first one ends. Then
the second one has an exact outcome, and the database an exact state: never an update lost, never one
side without the other. Under REPEATABLE READ and SERIALIZABLE the second one mostly gets 40001, and
is sent again.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    desyncs,
    levels,
    plant,
    rows,
    update_level,
    value,
)
from tests.support import wait_until_blocked
from tests.torture.scratch import broken_chains

ISOLATION = "read committed", "repeatable read", "serializable"
APP, LEGACY, SUPERUSER = "lockstep_app", "lockstep_legacy", None


@dataclass(frozen=True)
class Act:
    """A statement, and the role that sends it."""

    name: str
    role: str | None
    sql: str


# What level_up() adds reaches level 2 of PLAYER; twice that, level 3.
UP = Act("level_up", APP, "select * from lockstep.level_up(1, 'PLAYER', 25000, 12)")
UP_WITH_KEY = Act(
    "level_up with a key",
    APP,
    "select * from lockstep.level_up(1, 'PLAYER', 25000, 12, p_idempotency_key => 'k')",
)
UP_TO_TOP = Act("level_up to level 8", APP, "select * from lockstep.level_up(1, 'PLAYER', 250000, 30)")
SET_5 = Act("update_level to 5", APP, "select * from lockstep.update_level(1, 'PLAYER', 5, 10)")
SET_8 = Act("update_level to 8", APP, "select * from lockstep.update_level(1, 'PLAYER', 8)")
SET_WITH_KEY = Act(
    "update_level with a key",
    APP,
    "select * from lockstep.update_level(1, 'PLAYER', 5, 10, p_idempotency_key => 'k')",
)
SYNC_PROGRESS = Act("sync from progress", APP, "select * from lockstep.sync_records(1, 'PLAYER', 'progress')")
SYNC_LICENSE = Act("sync from license", APP, "select * from lockstep.sync_records(1, 'PLAYER', 'license')")
RAW_PROGRESS = Act(
    "update of progress",
    LEGACY,
    "update lockstep.specialization_progress set current_level = 6, total_xp = total_xp + 7 where student_id = 1",
)
RAW_LICENSE = Act(
    "update of license",
    LEGACY,
    "update lockstep.user_licenses set current_level = 7 where user_id = 1",
)
DELETE_PROGRESS = Act(
    "delete of progress",
    LEGACY,
    "delete from lockstep.specialization_progress where student_id = 1",
)
DELETE_LICENSE = Act("delete of license", LEGACY, "delete from lockstep.user_licenses where user_id = 1")
INSERT_PROGRESS = Act(
    "insert of progress",
    LEGACY,
    "insert into lockstep.specialization_progress (student_id, specialization_id, current_level, total_xp)"
    " values (1, 'PLAYER', 4, 7)",
)
INSERT_LICENSE = Act(
    "insert of license",
    LEGACY,
    "insert into lockstep.user_licenses (user_id, specialization_type, current_level, max_achieved_level)"
    " values (1, 'PLAYER', 4, 4)",
)
UPSERT_PROGRESS = Act(
    "upsert of progress",
    LEGACY,
    "insert into lockstep.specialization_progress (student_id, specialization_id, current_level, total_xp)"
    " values (1, 'PLAYER', 6, 7) on conflict (student_id, specialization_id)"
    " do update set current_level = excluded.current_level",
)
UPSERT_LICENSE = Act(
    "upsert of license",
    LEGACY,
    "insert into lockstep.user_licenses (user_id, specialization_type, current_level, max_achieved_level)"
    " values (1, 'PLAYER', 7, 7) on conflict (user_id, specialization_type)"
    " do update set current_level = excluded.current_level",
)
MERGE_LICENSE = Act(
    "merge of license",
    LEGACY,
    "merge into lockstep.user_licenses as license"
    " using (values (1::bigint, 'PLAYER')) as given (user_id, specialization_id)"
    " on license.user_id = given.user_id and license.specialization_type = given.specialization_id"
    " when matched then update set current_level = 7"
    " when not matched then insert (user_id, specialization_type, current_level, max_achieved_level)"
    " values (given.user_id, given.specialization_id, 7, 7)",
)
DELETE_USER = Act("delete of the user", SUPERUSER, "delete from lockstep.users where id = 1")
DELETE_LEVEL = Act(
    "delete of level 8",
    SUPERUSER,
    "delete from lockstep.specialization_levels where specialization_id = 'PLAYER' and level = 8",
)

AGAIN = "40001"
# ON DELETE RESTRICT: 23001 since PostgreSQL 18, 23503 before.
RESTRICT = "23001 or 23503"

State = tuple[int | None, int | None, int | None]  # levels of progress and license, XP

NO_PAIR: State = (None, None, None)
NEW_PAIR: State = (1, 1, 0)
OUT_OF_STEP: State = (5, 3, 0)


@dataclass(frozen=True)
class Race:
    """Who comes first and who second, from which state; how the second ends, and in which state.

    after     the state when the first has committed
    alone     the state when the first has rolled back
    outcome   of the second under READ COMMITTED, a SQLSTATE; None: it succeeds
    snapshot  of the second under REPEATABLE READ; under SERIALIZABLE it may be 40001 instead
    retried   of the second when it is sent again after 40001; None: it succeeds
    refused   of the second when the first has rolled back
    """

    first: Act
    second: Act
    start: State
    after: State
    alone: State
    outcome: str | None = None
    snapshot: str = AGAIN
    retried: str | None = None
    refused: str | None = None

    def __str__(self) -> str:
        return f"{self.first.name} against {self.second.name} from {self.start[:2]}"


RACES = [
    # On a pair that is there.
    Race(UP, UP, NEW_PAIR, (3, 3, 50000), (2, 2, 25000)),
    Race(UP, SET_5, NEW_PAIR, (5, 5, 25010), (5, 5, 10)),
    Race(SET_5, UP, NEW_PAIR, (5, 5, 25010), (2, 2, 25000)),
    Race(UP, RAW_PROGRESS, NEW_PAIR, (6, 6, 25007), (6, 6, 7)),
    Race(UP, RAW_LICENSE, NEW_PAIR, (7, 7, 25000), (7, 7, 0)),
    Race(RAW_PROGRESS, UP, NEW_PAIR, (6, 6, 25007), (2, 2, 25000)),
    Race(RAW_LICENSE, UP, NEW_PAIR, (7, 7, 25000), (2, 2, 25000)),
    Race(RAW_PROGRESS, RAW_LICENSE, NEW_PAIR, (7, 7, 7), (7, 7, 0)),
    Race(RAW_LICENSE, RAW_PROGRESS, NEW_PAIR, (6, 6, 7), (6, 6, 7)),
    Race(UP, UPSERT_LICENSE, NEW_PAIR, (7, 7, 25000), (7, 7, 0)),
    Race(UPSERT_LICENSE, UP, NEW_PAIR, (7, 7, 25000), (2, 2, 25000)),
    # Deletion of the pair.
    Race(DELETE_PROGRESS, UP, NEW_PAIR, (2, 2, 25000), (2, 2, 25000)),
    Race(DELETE_LICENSE, UP, NEW_PAIR, (2, 2, 25000), (2, 2, 25000)),
    Race(UP, DELETE_PROGRESS, NEW_PAIR, (2, 2, 25000), NO_PAIR, outcome="LS008", retried="LS008"),
    Race(UP, DELETE_LICENSE, NEW_PAIR, (2, 2, 25000), NO_PAIR, outcome="LS008", retried="LS008"),
    # The first call makes the pair.
    Race(UP, UP, NO_PAIR, (3, 3, 50000), (2, 2, 25000)),
    Race(UP, INSERT_PROGRESS, NO_PAIR, (2, 2, 25000), (4, 4, 7), "23505", "23505", "23505"),
    Race(UP, INSERT_LICENSE, NO_PAIR, (2, 2, 25000), (4, 4, 0), "23505", "23505", "23505"),
    Race(INSERT_PROGRESS, UP, NO_PAIR, (4, 4, 25007), (2, 2, 25000)),
    Race(INSERT_LICENSE, UP, NO_PAIR, (4, 4, 25000), (2, 2, 25000)),
    Race(
        INSERT_PROGRESS,
        INSERT_LICENSE,
        NO_PAIR,
        (4, 4, 7),
        (4, 4, 0),
        outcome="23505",
        snapshot="23505",
        retried="23505",
    ),
    Race(
        INSERT_LICENSE,
        INSERT_PROGRESS,
        NO_PAIR,
        (4, 4, 0),
        (4, 4, 7),
        outcome="23505",
        snapshot="23505",
        retried="23505",
    ),
    Race(UP, UPSERT_LICENSE, NO_PAIR, (7, 7, 25000), (7, 7, 0)),
    Race(UPSERT_LICENSE, UP, NO_PAIR, (7, 7, 25000), (2, 2, 25000)),
    Race(UPSERT_LICENSE, UPSERT_PROGRESS, NO_PAIR, (6, 6, 0), (6, 6, 7)),
    # The same key twice, and with other arguments.
    Race(UP_WITH_KEY, UP_WITH_KEY, NEW_PAIR, (2, 2, 25000), (2, 2, 25000)),
    Race(UP_WITH_KEY, UP_WITH_KEY, NO_PAIR, (2, 2, 25000), (2, 2, 25000)),
    Race(UP_WITH_KEY, SET_WITH_KEY, NEW_PAIR, (2, 2, 25000), (5, 5, 10), outcome="LS007", retried="LS007"),
    # Repair.
    Race(UP, SYNC_PROGRESS, NEW_PAIR, (2, 2, 25000), NEW_PAIR),
    Race(SYNC_PROGRESS, UP, OUT_OF_STEP, (5, 5, 25000), (5, 3, 25000)),
    Race(SYNC_LICENSE, UP, OUT_OF_STEP, (3, 3, 25000), (5, 3, 25000)),
    Race(UP, SYNC_PROGRESS, OUT_OF_STEP, (5, 5, 25000), (5, 5, 0)),
    Race(UP, SYNC_LICENSE, OUT_OF_STEP, (3, 3, 25000), (3, 3, 0)),
    # Deletion of what the call needs.
    Race(DELETE_USER, UP, NO_PAIR, NO_PAIR, (2, 2, 25000), outcome="LS001", retried="LS001"),
    Race(DELETE_USER, UP_WITH_KEY, NO_PAIR, NO_PAIR, (2, 2, 25000), outcome="LS001", retried="LS001"),
    Race(DELETE_USER, INSERT_PROGRESS, NO_PAIR, NO_PAIR, (4, 4, 7), outcome="23503", retried="23503"),
    Race(DELETE_USER, INSERT_LICENSE, NO_PAIR, NO_PAIR, (4, 4, 0), outcome="23503", retried="23503"),
    Race(UP, DELETE_USER, NO_PAIR, (2, 2, 25000), NO_PAIR, RESTRICT, RESTRICT, RESTRICT),
    Race(UP, DELETE_USER, NEW_PAIR, (2, 2, 25000), NEW_PAIR, RESTRICT, RESTRICT, RESTRICT, refused=RESTRICT),
    Race(SET_8, DELETE_LEVEL, NEW_PAIR, (8, 8, 0), NEW_PAIR, RESTRICT, RESTRICT, "23503"),
    Race(UP_TO_TOP, DELETE_LEVEL, NEW_PAIR, (8, 8, 250000), NEW_PAIR, RESTRICT, RESTRICT, "23503"),
    Race(DELETE_LEVEL, SET_8, NEW_PAIR, NEW_PAIR, (8, 8, 0), "23503", AGAIN, "LS003"),
]


def send(connection: Connection, act: Act) -> str | None:
    """Send a statement; return its SQLSTATE, or None when it succeeded."""
    try:
        connection.execute(act.sql.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


@contextmanager
def waiting(connection: Connection, first: Connection, second: Connection, act: Act) -> Iterator[Future[str | None]]:
    """Send a statement in the second session, which has to wait for the first; the outcome is in the future."""
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(send, second, act)
        try:
            wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
            yield outcome
        finally:
            if first.info.transaction_status != TransactionStatus.IDLE:
                first.execute("rollback")


def make(connection: Connection, state: State) -> None:
    """User 1, with a pair in this state."""
    add_users(connection, 1)
    if state == NEW_PAIR:
        update_level(connection, 1, "PLAYER", 1)
    elif state != NO_PAIR:
        plant(connection, state[0], state[1])


def state(connection: Connection) -> State:
    """The levels and the XP of the pair."""
    found = rows(connection, "select total_xp from lockstep.specialization_progress where student_id = 1")
    return *levels(connection), found[0].total_xp if found else None


def sessions(connect: Connect, race: Race, isolation: str) -> tuple[Connection, Connection]:
    """Two sessions at this isolation level, the first of them holding what it changed."""
    first, second = connect(race.first.role), connect(race.second.role)
    for session in first, second:
        session.execute(f"set default_transaction_isolation = '{isolation}'".encode())
    first.execute("begin")
    first.execute(race.first.sql.encode())
    return first, second


def matches(outcome: str | None, expected: str | None) -> bool:
    return outcome == expected or (expected == RESTRICT and outcome in ("23001", "23503"))


@pytest.mark.parametrize("isolation", ISOLATION)
@pytest.mark.parametrize("race", RACES, ids=str)
def test_the_second_waits_for_the_first_and_has_an_exact_outcome(
    connection: Connection, connect: Connect, race: Race, isolation: str
) -> None:
    make(connection, race.start)
    first, second = sessions(connect, race, isolation)
    with waiting(connection, first, second, race.second) as answer:
        first.execute("commit")
        outcome = answer.result()
    if isolation == "read committed":
        assert matches(outcome, race.outcome)
    else:
        assert matches(outcome, race.snapshot) or (isolation == "serializable" and outcome == AGAIN)
    if outcome == AGAIN:
        assert matches(send(second, race.second), race.retried)
    assert state(connection) == race.after
    assert desyncs(connection) == 0
    if race.start != OUT_OF_STEP:
        assert broken_chains(connection) == 0


@pytest.mark.parametrize("race", RACES, ids=str)
def test_the_second_does_its_work_when_the_first_rolls_back(
    connection: Connection, connect: Connect, race: Race
) -> None:
    make(connection, race.start)
    first, second = sessions(connect, race, "serializable")
    with waiting(connection, first, second, race.second) as answer:
        first.execute("rollback")
        assert matches(answer.result(), race.refused)
    assert state(connection) == race.alone
    assert desyncs(connection) == (race.alone[:2] == OUT_OF_STEP[:2])


@pytest.mark.parametrize("isolation", ISOLATION)
def test_a_level_removed_under_a_level_up_is_not_reached_by_the_next_try(
    connection: Connection, connect: Connect, isolation: str
) -> None:
    race = Race(DELETE_LEVEL, UP_TO_TOP, NEW_PAIR, (7, 7, 250000), (8, 8, 250000))
    make(connection, race.start)
    first, second = sessions(connect, race, isolation)
    with waiting(connection, first, second, race.second) as answer:
        first.execute("commit")
        assert answer.result() == ("23503" if isolation == "read committed" else AGAIN)
    assert state(connection) == NEW_PAIR
    assert send(second, race.second) is None
    assert state(connection) == race.after
    assert value(connection, "select max_levels from lockstep.specializations where id = 'PLAYER'") == 7


# The lock order -------------------------------------------------------------------------------

LOCK_PROGRESS = "select id from lockstep.specialization_progress where student_id = 1 for update"
LOCK_USER = "select id from lockstep.users where id = 1 for no key update"
SELECT_LICENSE = Act(
    "select for update of a license",
    LEGACY,
    "select id from lockstep.user_licenses where user_id = 1 for update",
)


@pytest.mark.parametrize(
    "act",
    [RAW_LICENSE, SELECT_LICENSE, UPSERT_LICENSE, MERGE_LICENSE, DELETE_LICENSE, RAW_PROGRESS, UPSERT_PROGRESS, UP],
    ids=lambda act: act.name,
)
def test_whoever_waits_for_progress_does_not_hold_the_license_yet(
    connection: Connection, connect: Connect, act: Act
) -> None:
    make(connection, NEW_PAIR)
    first, second = connect(), connect(act.role)
    first.execute("begin")
    first.execute(LOCK_PROGRESS)
    with waiting(connection, first, second, act) as answer:
        assert rows(first, "select id from lockstep.user_licenses where user_id = 1 for update nowait")
        first.execute("commit")
        assert answer.result() is None
    assert desyncs(connection) == 0


@pytest.mark.parametrize(
    "act",
    [UP, INSERT_PROGRESS, INSERT_LICENSE, UPSERT_PROGRESS, UPSERT_LICENSE, MERGE_LICENSE],
    ids=lambda act: act.name,
)
def test_whoever_makes_a_pair_waits_for_the_users_row_first(connection: Connection, connect: Connect, act: Act) -> None:
    make(connection, NO_PAIR)
    first, second = connect(), connect(act.role)
    first.execute("begin")
    first.execute(LOCK_USER)
    with waiting(connection, first, second, act) as answer:
        # Nothing that would make this one wait is in place yet.
        first.execute("set local lock_timeout = '1s'")
        update_level(first, 1, "PLAYER", 3)
        first.execute("commit")
        answer.result()
    assert desyncs(connection) == 0
    assert broken_chains(connection) == 0


def test_a_call_on_a_pair_that_comes_and_goes_locks_the_user_before_it_makes_anything(
    connection: Connection, connect: Connect
) -> None:
    """The call has seen no pair; it comes and goes while the call waits for the user's row."""
    make(connection, NO_PAIR)
    first, second = connect(), connect("lockstep_app")
    first.execute("begin")
    first.execute(LOCK_USER)
    with waiting(connection, first, second, UP) as answer:
        update_level(first, 1, "PLAYER", 1)
        first.execute("delete from lockstep.user_licenses where user_id = 1")
        first.execute("commit")
        assert answer.result() is None
    assert state(connection) == (2, 2, 25000)


# Several keys in one transaction --------------------------------------------------------------


def level_up_of(specialization: str) -> Act:
    return Act(specialization, APP, f"select * from lockstep.level_up(1, '{specialization}', 5)")


def xp_of_all(connection: Connection) -> dict[str, int]:
    query = "select specialization_id, total_xp from lockstep.specialization_progress where student_id = 1"
    return {row.specialization_id: row.total_xp for row in rows(connection, query)}


def test_keys_in_order_still_deadlock_where_new_pairs_of_a_user_come_after_old_ones(
    connection: Connection, connect: Connect
) -> None:
    """The limit of the promise: a new pair asks for the user's row, which comes before any progress row."""
    add_users(connection, 1)
    update_level(connection, 1, "INTERNSHIP", 1)
    first, second = connect("lockstep_app"), connect("lockstep_app")
    for session in first, second:
        session.execute("begin")
    assert send(first, level_up_of("INTERNSHIP")) is None
    assert send(second, level_up_of("COACH")) is None
    with waiting(connection, first, second, level_up_of("INTERNSHIP")) as answer:
        outcome = send(first, level_up_of("PLAYER"))
        first.execute("rollback" if outcome else "commit")
        assert sorted((str(outcome), str(answer.result()))) == ["40P01", "None"]
        second.execute("commit")
    # One transaction took place as a whole, the other one not at all.
    assert xp_of_all(connection) in [{"INTERNSHIP": 5, "COACH": 5}, {"INTERNSHIP": 5, "PLAYER": 5}]
    assert desyncs(connection) == 0


def test_new_pairs_first_and_then_keys_in_order_never_deadlocks(connection: Connection, connect: Connect) -> None:
    add_users(connection, 1)
    update_level(connection, 1, "INTERNSHIP", 1)
    first, second = connect("lockstep_app"), connect("lockstep_app")
    for session in first, second:
        session.execute("begin")
    assert send(first, level_up_of("PLAYER")) is None
    with waiting(connection, first, second, level_up_of("COACH")) as answer:
        assert send(first, level_up_of("INTERNSHIP")) is None
        first.execute("commit")
        assert answer.result() is None
    assert send(second, level_up_of("INTERNSHIP")) is None
    second.execute("commit")
    assert xp_of_all(connection) == {"INTERNSHIP": 10, "COACH": 5, "PLAYER": 5}
    assert desyncs(connection) == 0


# What is read is locked first -----------------------------------------------------------------

# A repair tool under the replica role holds one side alone: no hook, no mirror.
HEAL_LICENSE = "update lockstep.user_licenses set current_level = 5, max_achieved_level = 5 where user_id = 1"
HEAL_PROGRESS = "update lockstep.specialization_progress set current_level = 3 where student_id = 1"


@pytest.mark.parametrize(("heal", "level"), [(HEAL_LICENSE, 5), (HEAL_PROGRESS, 3)], ids=["license", "progress"])
def test_a_function_locks_both_sides_before_it_reads_them(
    connection: Connection, connect: Connect, heal: str, level: int
) -> None:
    make(connection, OUT_OF_STEP)
    first, second = connect(), connect("lockstep_app")
    first.execute("begin")
    first.execute("set local session_replication_role = replica")
    first.execute(heal.encode())
    with waiting(connection, first, second, SET_8) as answer:
        first.execute("commit")
        assert answer.result() is None
    query = "select from_level, to_level, progress_from_level from lockstep.license_progressions"
    assert [tuple(row) for row in rows(connection, query)] == [(level, 8, None)]
    assert state(connection) == (8, 8, 0)


@pytest.mark.parametrize(
    ("held", "act", "level"),
    [
        (
            "select id from lockstep.user_licenses where user_id = 1 for no key update",
            Act("progress", LEGACY, "update lockstep.specialization_progress set current_level = 3"),
            3,
        ),
        (
            "select id from lockstep.specialization_progress where student_id = 1 for no key update",
            Act("license", SUPERUSER, "update lockstep.user_licenses set current_level = 5"),
            5,
        ),
    ],
    ids=["update of progress", "update of license without the hook"],
)
def test_a_mirror_locks_the_other_side_before_it_compares_levels(
    connection: Connection, connect: Connect, held: str, act: Act, level: int
) -> None:
    """Even where it finds nothing to write: the pair was out of step, and the update heals it."""
    make(connection, OUT_OF_STEP)
    first, second = connect(), connect(act.role)
    first.execute("begin")
    first.execute(held.encode())
    with waiting(connection, first, second, act) as answer:
        first.execute("commit")
        assert answer.result() is None
    assert state(connection) == (level, level, 0)
