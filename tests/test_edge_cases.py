"""The nine edge cases of the promise G10, each by its name."""

from functools import partial

import psycopg
import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    at_once,
    background,
    call,
    desyncs,
    history,
    level_up,
    levels,
    one,
    plant,
    progress,
    refused,
    rules_off,
    update_level,
    value,
)
from tests.support import wait_until, wait_until_blocked


@pytest.fixture(autouse=True)
def people(connection: Connection) -> None:
    add_users(connection, 1, 2, 3)


def test_interrupted_upgrade(connection: Connection, connect: Connect) -> None:
    """A client that dies in the middle of a level-up leaves nothing half done."""
    level_up(connection, 1, "PLAYER", 100, 1)
    victim = connect()
    pid = victim.info.backend_pid
    victim.execute("begin")
    update_level(victim, 1, "PLAYER", 5, 1000, idempotency_key="upgrade")
    connection.execute("select pg_terminate_backend(%s::integer)", [pid])
    with pytest.raises(psycopg.OperationalError):
        victim.execute("commit")
    gone = "select count(*) from pg_stat_activity where pid = %s"
    wait_until(connection, lambda: value(connection, gone, pid) == 0, "the session is gone")
    assert levels(connection) == (1, 1)
    assert progress(connection).total_xp == 100
    assert history(connection) == []
    answer = update_level(connection, 1, "PLAYER", 5, 1000, idempotency_key="upgrade")
    assert not answer.replayed
    assert levels(connection) == (5, 5)


def test_concurrent_level_up(connection: Connection, connect: Connect) -> None:
    """Two awards at once: the second waits, both count, each level is recorded once."""
    level_up(connection, 1, "PLAYER", 20_000, 12)
    first, second = connect("lockstep_app"), connect("lockstep_app")
    first.execute("begin")
    level_up(first, 1, "PLAYER", 5_000)
    with background(second, "select * from lockstep.level_up(1, 'PLAYER', 20000, 3)") as answer:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        (row,) = answer.result()
    assert (row.progress_old_level, row.progress_new_level, row.total_xp) == (2, 3, 45_000)
    assert history(connection) == [(1, 2, "function"), (2, 3, "function")]


def test_orphan(connection: Connection) -> None:
    """A record of nobody cannot be made, and nobody with records can be deleted."""
    for statement in (
        "insert into lockstep.specialization_progress (student_id, specialization_id) values (99, 'PLAYER')",
        "insert into lockstep.user_licenses (user_id, specialization_type) values (99, 'PLAYER')",
        "insert into lockstep.user_licenses (user_id, specialization_type) values (1, 'NOTHING')",
    ):
        with refused("23503"):
            connection.execute(statement.encode())
    with refused("LS001"):
        update_level(connection, 99, "PLAYER", 1)
    update_level(connection, 1, "PLAYER", 1)
    with refused("23001", "23503"):
        connection.execute("delete from lockstep.users where id = 1")
    assert levels(connection) == (1, 1)


def test_license_without_progress(connection: Connection) -> None:
    """It cannot be committed; forced, it is seen, said and repaired."""
    level_up(connection, 2, "PLAYER")
    with refused("23503"), connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute("delete from lockstep.specialization_progress")
    plant(connection, None, 3)
    issue = one(connection, "select * from lockstep.desync")
    assert (issue.issue_type, issue.recommended_action) == (
        "missing_progress",
        "create_progress_from_license",
    )
    assert call(connection, "validate_consistency", 1, "PLAYER").progress_exists is False
    assert call(connection, "sync_records", 1, "PLAYER", "license").action == "created"
    assert levels(connection) == (3, 3)
    assert desyncs(connection) == 0


def test_progress_without_license(connection: Connection) -> None:
    """It cannot be committed; forced, it is seen, said and repaired, and keeps its XP."""
    level_up(connection, 2, "PLAYER")
    with refused("23503"), connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute("delete from lockstep.user_licenses")
    plant(connection, 3, None, xp=500)
    issue = one(connection, "select * from lockstep.desync")
    assert (issue.issue_type, issue.recommended_action) == (
        "missing_license",
        "create_license_from_progress",
    )
    assert call(connection, "validate_consistency", 1, "PLAYER").license_exists is False
    assert call(connection, "sync_records", 1, "PLAYER", "progress").action == "created"
    assert levels(connection) == (3, 3)
    assert progress(connection).total_xp == 500


@pytest.mark.parametrize("role", [None, "lockstep_legacy"])
def test_desync_after_rollback(connection: Connection, connect: Connect, role: str | None) -> None:
    """A rollback, whole or to a savepoint, takes both sides back, and the history with them."""
    update_level(connection, 1, "PLAYER", 2, 10)
    session = connect(role)
    for table in "specialization_progress", "user_licenses":
        with session.transaction(force_rollback=True):
            session.execute(f"update lockstep.{table} set current_level = 6".encode())
            assert levels(session) == (6, 6)
        assert levels(connection) == (2, 2)
        with session.transaction():
            with session.transaction(force_rollback=True):
                session.execute(f"update lockstep.{table} set current_level = 7".encode())
            session.execute("update lockstep.specialization_progress set total_xp = total_xp + 1")
        assert levels(connection) == (2, 2)
        with refused("22012"), session.transaction():
            session.execute(f"update lockstep.{table} set current_level = 8".encode())
            session.execute("select 1 / 0")
        assert levels(connection) == (2, 2)
    assert progress(connection).total_xp == 12
    assert len(history(connection)) == 1
    assert desyncs(connection) == 0


def test_above_the_top_level(connection: Connection) -> None:
    """Nobody gets above the top, by award, by hand, by raw SQL, or with the triggers away."""
    for specialization, top in ("PLAYER", 8), ("COACH", 8), ("INTERNSHIP", 3):
        hours = {"theory_hours": 999, "practice_hours": 999} if specialization == "COACH" else {}
        answer = level_up(connection, 1, specialization, 10**9, 10**6, **hours)
        assert answer.license_new_level == top
        assert level_up(connection, 1, specialization, 10**9).license_new_level == top
        with refused("LS003"):
            update_level(connection, 1, specialization, top + 1)
        for table in "specialization_progress", "user_licenses":
            with refused("23503"):
                connection.execute(
                    f"update lockstep.{table} set current_level = {top + 1}".encode()
                    + b" where %s in (select specialization_id from lockstep.specialization_levels)",
                    [specialization],
                )
        assert levels(connection, 1, specialization) == (top, top)
    with refused("23503"), connection.transaction():
        connection.execute("alter table lockstep.user_licenses disable trigger user")
        connection.execute("alter table lockstep.specialization_progress disable trigger user")
        connection.execute("update lockstep.user_licenses set current_level = 9, max_achieved_level = 9")


def test_negative_xp(connection: Connection) -> None:
    """An award is never negative; a correction may be, down to zero; a total never falls below."""
    level_up(connection, 1, "PLAYER", 30_000, 15)
    assert levels(connection) == (2, 2)
    with refused("LS006"):
        level_up(connection, 1, "PLAYER", -1)
    with refused("LS004"):
        update_level(connection, 1, "PLAYER", 2, -30_001)
    with refused("23514"):
        connection.execute("update lockstep.specialization_progress set total_xp = -1")
    assert progress(connection).total_xp == 30_000
    answer = update_level(connection, 1, "PLAYER", 1, -30_000)
    assert (answer.total_xp, answer.license_new_level, answer.max_achieved_level) == (0, 1, 2)


def test_duplicate_sync(connection: Connection, connect: Connect) -> None:
    """Of many synchronizations of one pair, together or one after the other, one writes."""
    plant(connection, 6, 4)
    sessions = [connect("lockstep_admin") for _ in range(6)]
    outcomes = at_once([partial(call, session, "sync_records", 1, "PLAYER", "progress") for session in sessions])
    assert sorted(outcome.action for outcome in outcomes) == ["none"] * 5 + ["updated"]
    assert call(connection, "sync_records", 1, "PLAYER", "license").action == "none"
    assert levels(connection) == (6, 6)
    assert history(connection) == [(4, 6, "repair")]
    with rules_off(connection):
        connection.execute("update lockstep.user_licenses set current_level = 1")
    assert call(connection, "sync_records", 1, "PLAYER", "license").action == "updated"
    assert levels(connection) == (1, 1)
