"""Idempotency keys (B11): a retry gets the first answer and changes nothing."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.pairs import (
    Connect,
    Connection,
    at_once,
    background,
    call,
    history,
    level_up,
    levels,
    progress,
    refused,
    rows,
    update_level,
    value,
)
from tests.support import wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")

KEY = "request-1"


def keys(connection: Connection) -> int:
    found: int = value(connection, "select count(*) from lockstep.idempotency_keys")
    return found


def but_replayed(answer: Any) -> Any:
    return answer._replace(replayed=True)


def test_the_same_call_of_update_level_returns_the_first_answer_and_changes_nothing(
    connection: Connection,
) -> None:
    arguments = 1, "COACH", 3, 100, 2, 1, Decimal("1.50"), 2, 2, "why", KEY
    first = update_level(connection, *arguments)
    update_level(connection, 1, "COACH", 5, 900)
    before = progress(connection, 1, "COACH")
    again = update_level(connection, *arguments)
    assert not first.replayed
    assert again == but_replayed(first)
    assert progress(connection, 1, "COACH") == before
    assert levels(connection, 1, "COACH") == (5, 5)
    assert len(history(connection, 1, "COACH")) == 2


def test_the_same_call_of_level_up_returns_the_first_answer_and_changes_nothing(
    connection: Connection,
) -> None:
    first = level_up(connection, 1, "PLAYER", 25_000, 12, idempotency_key=KEY)
    for _ in range(3):
        assert level_up(connection, 1, "PLAYER", 25_000, 12, idempotency_key=KEY) == but_replayed(first)
    assert progress(connection).total_xp == 25_000
    assert len(history(connection)) == 1


def test_a_default_and_the_same_figure_written_out_are_the_same_arguments(
    connection: Connection,
) -> None:
    update_level(connection, 1, "COACH", 2, idempotency_key=KEY)
    again = update_level(connection, 1, "COACH", 2, 0, 0, 0, "0.00", "0", None, None, KEY)
    assert again.replayed
    update_level(connection, 1, "COACH", 2, theory_hours_change="1.5", idempotency_key="other")
    again = update_level(connection, 1, "COACH", 2, theory_hours_change="1.50", idempotency_key="other")
    assert again.replayed
    assert progress(connection, 1, "COACH").theory_hours_completed == Decimal("1.50")


def test_the_same_key_with_other_arguments_is_refused(connection: Connection) -> None:
    arguments: dict[str, object] = {
        "user_id": 1,
        "specialization_id": "COACH",
        "new_level": 3,
        "xp_change": 10,
        "advanced_by": 2,
        "reason": "why",
        "idempotency_key": KEY,
    }
    update_level(connection, **arguments)
    others: list[dict[str, object]] = [
        {"new_level": 4},
        {"specialization_id": "PLAYER"},
        {"xp_change": 11},
        {"sessions_change": 1},
        {"projects_change": 1},
        {"theory_hours_change": 1},
        {"practice_hours_change": 1},
        {"advanced_by": 3},
        {"advanced_by": None},
        {"reason": "another"},
        {"reason": None},
    ]
    for other in others:
        with refused("LS007"):
            update_level(connection, **(arguments | other))
    assert levels(connection, 1, "COACH") == (3, 3)
    assert progress(connection, 1, "COACH").total_xp == 10


def test_the_same_key_with_another_function_is_refused(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 1, 10, idempotency_key=KEY)
    with refused("LS007"):
        level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY)
    assert progress(connection).total_xp == 10


def test_a_key_belongs_to_its_target_user(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY)
    answer = level_up(connection, 2, "PLAYER", 10, idempotency_key=KEY)
    assert not answer.replayed
    assert progress(connection, 2).total_xp == 10
    assert keys(connection) == 2


def test_a_call_without_a_key_is_never_a_replay(connection: Connection) -> None:
    for _ in range(2):
        assert not level_up(connection, 1, "PLAYER", 10).replayed
    assert progress(connection).total_xp == 20
    assert keys(connection) == 0


@pytest.mark.parametrize("length", [0, 256])
def test_an_unusable_key_is_refused(connection: Connection, length: int) -> None:
    with refused("LS006"):
        level_up(connection, 1, "PLAYER", 10, idempotency_key="k" * length)
    level_up(connection, 1, "PLAYER", 10, idempotency_key="k" * 255)


def test_a_call_that_is_rolled_back_leaves_no_key(connection: Connection) -> None:
    connection.execute("begin")
    level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY)
    connection.execute("rollback")
    assert keys(connection) == 0
    assert not level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY).replayed
    assert progress(connection).total_xp == 10


def test_a_call_that_is_refused_leaves_no_key(connection: Connection) -> None:
    with refused("LS003"):
        update_level(connection, 1, "PLAYER", 9, 10, idempotency_key=KEY)
    with refused("LS001"):
        update_level(connection, 999, "PLAYER", 9, 10, idempotency_key=KEY)
    assert keys(connection) == 0
    assert not update_level(connection, 1, "PLAYER", 8, 10, idempotency_key=KEY).replayed


def test_a_savepoint_that_is_rolled_back_leaves_no_key(connection: Connection) -> None:
    with connection.transaction():
        with connection.transaction(force_rollback=True):
            level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY)
        assert not level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY).replayed
    assert progress(connection).total_xp == 10


def test_the_same_key_at_once_waits_and_then_replays(connection: Connection, connect: Connect) -> None:
    first, second = connect("lockstep_app"), connect("lockstep_app")
    first.execute("begin")
    answer = level_up(first, 1, "PLAYER", 10, idempotency_key=KEY)
    query = f"select * from lockstep.level_up(1, 'PLAYER', 10, p_idempotency_key => '{KEY}')"
    with background(second, query) as again:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        assert again.result() == [but_replayed(answer)]
    assert progress(connection).total_xp == 10


def test_the_same_key_at_once_does_the_work_when_the_first_rolls_back(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    level_up(first, 1, "PLAYER", 10, idempotency_key=KEY)
    query = f"select * from lockstep.level_up(1, 'PLAYER', 10, p_idempotency_key => '{KEY}')"
    with background(second, query) as again:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("rollback")
        (row,) = again.result()
    assert not row.replayed
    assert progress(connection).total_xp == 10


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_under_an_old_snapshot_the_same_key_is_retried_and_then_replays(
    connection: Connection, connect: Connect, isolation: str
) -> None:
    level_up(connection, 1, "PLAYER", 1)
    late = connect()
    late.execute(f"begin isolation level {isolation}".encode())
    assert levels(late) == (1, 1)
    level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY)
    with refused("40001"):
        level_up(late, 1, "PLAYER", 10, idempotency_key=KEY)
    late.execute("rollback")
    assert level_up(late, 1, "PLAYER", 10, idempotency_key=KEY).replayed
    assert progress(connection).total_xp == 11


def test_blind_retries_from_many_sessions_give_the_sum_of_the_distinct_keys(
    connection: Connection, connect: Connect
) -> None:
    sessions = [connect("lockstep_app") for _ in range(6)]

    def work(session: Connection) -> int:
        return sum(level_up(session, 1, "PLAYER", 10 + n, idempotency_key=f"k{n}").replayed for n in range(20))

    replays = at_once([partial(work, session) for session in sessions])
    assert sum(replays) == 5 * 20
    assert progress(connection).total_xp == sum(10 + n for n in range(20))


def test_purge_takes_keys_older_than_thirty_days_and_no_others(connection: Connection, connect: Connect) -> None:
    for key in "old", "new":
        level_up(connection, 1, "PLAYER", 10, idempotency_key=key)
    for key, age in ("old", "30 days 1 minute"), ("new", "29 days 23 hours"):
        connection.execute(
            "update lockstep.idempotency_keys set created_at = now() - %s::interval where key = %s", [age, key]
        )
    admin = connect("lockstep_admin")
    assert call(admin, "purge_idempotency_keys")[0] == 1
    assert call(admin, "purge_idempotency_keys")[0] == 0
    assert level_up(connection, 1, "PLAYER", 10, idempotency_key="new").replayed
    assert not level_up(connection, 1, "PLAYER", 10, idempotency_key="old").replayed


def test_how_long_keys_are_kept_is_a_setting(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER", 10, idempotency_key=KEY)
    connection.execute("update lockstep.idempotency_keys set created_at = now() - interval '2 hours'")
    assert call(connection, "purge_idempotency_keys")[0] == 0
    connection.execute("update lockstep.settings set value = '1 hour' where name = 'idempotency_retention'")
    assert call(connection, "purge_idempotency_keys")[0] == 1


def test_an_application_reads_nobodys_keys(connect: Connect) -> None:
    with refused("42501"):
        rows(connect("lockstep_app"), "select * from lockstep.idempotency_keys")
