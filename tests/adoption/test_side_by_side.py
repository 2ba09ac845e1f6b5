"""Old writers and new functions on the same pairs at once: coupled, exact, and it can be seen who still writes raw."""

from collections.abc import Callable
from random import Random

import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    age,
    at_once,
    desyncs,
    history,
    level_up,
    levels,
    one,
    refused,
    rows,
    update_level,
    value,
)

USERS = range(1, 6)
ROUNDS = 40

Work = Callable[[Connection, Random], int]


def lock_and_change(session: Connection, random: Random) -> int:
    """The locked read and the three writes of the old application, in its order. Returns the XP added."""
    user = random.choice(USERS)
    with session.transaction():
        pair = one(session, "select * from specialization_progress where student_id = %s for update", user)
        license = one(session, "select * from user_licenses where user_id = %s for update", user)
        level = random.randint(1, 8)
        session.execute(
            "update specialization_progress set current_level = %s, total_xp = %s where id = %s",
            [level, pair.total_xp + 3, pair.id],
        )
        session.execute("update user_licenses set current_level = %s where id = %s", [level, license.id])
        session.execute(
            "insert into license_progressions (user_license_id, from_level, to_level, advancement_reason)"
            " values (%s, %s, %s, 'old')",
            [license.id, license.current_level, level],
        )
    return 3


def change_license(session: Connection, random: Random) -> int:
    session.execute(
        "update user_licenses set current_level = %s where user_id = %s", [random.randint(1, 8), random.choice(USERS)]
    )
    return 0


def add_xp(session: Connection, random: Random) -> int:
    session.execute(
        "update specialization_progress set total_xp = total_xp + 5 where student_id = %s", [random.choice(USERS)]
    )
    return 5


def call_level_up(session: Connection, random: Random) -> int:
    level_up(session, random.choice(USERS), "PLAYER", 7)
    return 7


def call_update_level(session: Connection, random: Random) -> int:
    update_level(session, random.choice(USERS), "PLAYER", random.randint(1, 8), 11)
    return 11


def test_old_writers_and_new_functions_at_once_stay_in_step_and_lose_nothing(
    connection: Connection, connect: Connect
) -> None:
    add_users(connection, *USERS)
    for user in USERS:
        update_level(connection, user, "PLAYER", 1)
    writers: list[tuple[Work, str]] = [
        *((work, "lockstep_legacy") for work in (lock_and_change, lock_and_change, change_license, add_xp)),
        *((work, "lockstep_app") for work in (call_level_up, call_update_level)),
    ]

    def run(number: int) -> int:
        work, role = writers[number]
        session = connect(role)
        session.execute("set search_path = lockstep, public")
        # Every statement is one pair, or one transaction on one pair in the lock order: so nothing is retried.
        return sum(work(session, random) for random in [Random(number)] for _ in range(ROUNDS))

    added = at_once([lambda number=number: run(number) for number in range(len(writers))])  # type: ignore[misc]
    assert sum(added) == ROUNDS * (3 + 3 + 0 + 5 + 7 + 11)
    assert value(connection, "select sum(total_xp) from lockstep.specialization_progress") == sum(added)
    assert desyncs(connection) == 0

    # No mirror answers a mirror: each level change stands in the history once, and leads to the next.
    for user in USERS:
        changes = [(before, after) for before, after, route in history(connection, user) if route != "client"]
        assert changes[0][0] == 1
        assert all(before != after for before, after in changes)
        assert [after for _, after in changes[:-1]] == [before for before, _ in changes[1:]]
        assert levels(connection, user) == (changes[-1][1], changes[-1][1])
    remarks = value(connection, "select count(*) from lockstep.license_progressions where route = 'client'")
    assert remarks == 2 * ROUNDS


def writers(connection: Connection) -> dict[tuple[str, str, str, str], int]:
    return {
        (row.database_role, row.table_name, row.operation, row.route): row.statements
        for row in rows(connection, "select * from lockstep.raw_writers")
    }


def test_it_is_seen_who_writes_raw_whatever_it_changes_and_functions_are_not_counted(
    connection: Connection, connect: Connect
) -> None:
    add_users(connection, 1, 2)
    update_level(connection, 1, "PLAYER", 2)
    level_up(connection, 1, "PLAYER", 10)
    assert writers(connection) == {}

    client = connect("lockstep_legacy", application_name="old school")
    client.execute("update lockstep.specialization_progress set total_xp = total_xp + 1 where student_id = 1")
    client.execute("update lockstep.specialization_progress set total_xp = total_xp + 1 where student_id = 1")
    client.execute("update lockstep.user_licenses set current_level = 3 where user_id = 1")
    client.execute("insert into lockstep.specialization_progress (student_id, specialization_id) values (2, 'COACH')")
    client.execute("delete from lockstep.user_licenses where user_id = 2")
    client.execute(
        "insert into lockstep.license_progressions (user_license_id, to_level)"
        " select id, 3 from lockstep.user_licenses where user_id = 1"
    )
    with refused("23503"):
        client.execute("update lockstep.user_licenses set current_level = 9 where user_id = 1")
    legacy = "lockstep_legacy"
    assert writers(connection) == {
        (legacy, "specialization_progress", "UPDATE", "raw_sql"): 2,
        (legacy, "specialization_progress", "INSERT", "raw_sql"): 1,
        (legacy, "user_licenses", "UPDATE", "raw_sql"): 1,
        (legacy, "user_licenses", "DELETE", "raw_sql"): 1,
        (legacy, "license_progressions", "INSERT", "client"): 1,
    }
    seen = one(
        connection,
        "select distinct application_name, last_seen_at >= first_seen_at as fine from lockstep.raw_writers limit 1",
    )
    assert tuple(seen) == ("old school", True)


def test_two_sessions_of_one_application_count_without_waiting_for_each_other(
    connection: Connection, connect: Connect
) -> None:
    add_users(connection, 1, 2)
    for user in (1, 2):
        update_level(connection, user, "PLAYER", 1)
    one_, two = connect("lockstep_legacy"), connect("lockstep_legacy")
    two.execute("set statement_timeout = '60s'")
    add = "update lockstep.specialization_progress set total_xp = total_xp + 1 where student_id = %s"
    for _ in range(2):
        with one_.transaction():
            one_.execute(add, [1])
            two.execute(add, [2])  # would wait, or time out, for a row that both count in
    assert set(writers(connection).values()) == {4}
    assert value(connection, "select count(*) from lockstep.raw_writes") == 2


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_counting_costs_no_transaction_of_a_stricter_level_its_commit(
    connection: Connection, connect: Connect, level: str
) -> None:
    add_users(connection, 1, 2)
    for user in (1, 2):
        update_level(connection, user, "PLAYER", 1)
    add = "update lockstep.specialization_progress set total_xp = total_xp + 1 where student_id = "
    sessions = [connect("lockstep_legacy") for _ in range(2)]
    for session in sessions:
        session.execute(f"set default_transaction_isolation = '{level}'".encode())
    for session in sessions:
        session.execute("begin")
    # Each counts in a new row after the other has looked for its own: a cycle, if looking counted as reading.
    for name in ("school", "school at night", "school"):
        for user, session in enumerate(sessions, 1):
            session.execute("select set_config('application_name', %s, true)", [name])
            session.execute(f"{add}{user}".encode())
    for session in sessions:
        session.execute("commit")
    assert value(connection, "select sum(statements) from lockstep.raw_writers") == 6


def test_sessions_that_ended_are_added_up_and_what_is_past_its_retention_is_forgotten(
    connection: Connection, connect: Connect
) -> None:
    add_users(connection, 1)
    update_level(connection, 1, "PLAYER", 1)
    add = "update lockstep.specialization_progress set total_xp = total_xp + 1"
    for _ in range(3):
        session = connect("lockstep_legacy")
        session.execute(add.encode())
        pid = session.info.backend_pid
        session.close()
        while value(connection, "select count(*) from pg_stat_activity where pid = %s", pid):
            connection.execute("select pg_sleep(0.01)")
    before = writers(connection)
    assert value(connection, "select count(*) from lockstep.raw_writes") == 3
    assert value(connection, "select lockstep.purge_raw_writes()") == 0
    assert writers(connection) == before
    assert rows(connection, "select backend_pid, statements from lockstep.raw_writes") == [(0, 3)]
    age(connection, "raw_writes", "91 days", "last_seen_at")
    assert value(connection, "select lockstep.purge_raw_writes()") == 1
    assert writers(connection) == {}
