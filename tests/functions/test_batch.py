"""update_levels() and level_ups(): the same as one by one, in one pass (B9)."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    at_once,
    background,
    desyncs,
    history,
    level_up,
    levels,
    plant,
    progress,
    refused,
    rows,
    rules_off,
    update_level,
    value,
)
from tests.properties.conftest import CHECK
from tests.support import wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")

FUNCTIONS = ("level_up", "update_level")

EXAMPLES = 80


@dataclass(frozen=True)
class Item:
    """A batch_item, its fields in order; None takes the default."""

    user_id: int | None
    specialization_id: str | None
    new_level: int | None = None
    xp_change: int | None = None
    sessions_change: int | None = None
    projects_change: int | None = None
    theory_hours_change: str | None = None
    practice_hours_change: str | None = None
    advanced_by: int | None = None
    reason: str | None = None
    idempotency_key: str | None = None


ROW = f"row({', '.join(['%s'] * 11)})::lockstep.batch_item"


def batch(
    connection: Connection, function: str, items: Sequence[Item], all_or_nothing: bool | None = None
) -> list[Any]:
    """Call level_ups() or update_levels(); return its rows."""
    array = f"array[{', '.join([ROW] * len(items))}]::lockstep.batch_item[]"
    mode = "" if all_or_nothing is None else f", {all_or_nothing}"
    values = [field for item in items for field in astuple(item)]
    return rows(connection, f"select * from lockstep.{function}s({array}{mode})", *values)


def single(connection: Connection, function: str, item: Item) -> Any:
    """Call level_up() or update_level() as the item says."""
    if function == "level_up" and item.new_level is not None:
        raise LevelGivenError
    gains = [given_ or 0 for given_ in astuple(item)[3:8]]
    head: list[object] = [item.user_id, item.specialization_id]
    if function == "update_level":
        return update_level(connection, *head, item.new_level, *gains, *astuple(item)[8:])
    return level_up(connection, *head, *gains, *astuple(item)[8:])


class LevelGivenError(Exception):
    """level_up() has no level to give: level_ups() refuses one with LS006."""


def detail_of(error: psycopg.Error) -> str:
    """The detail that a batch shows: PostgreSQL's own has rows and times in it."""
    return (error.diag.message_detail or "") if str(error.sqlstate).startswith("LS") else ""


def one_by_one(connection: Connection, function: str, items: Sequence[Item]) -> Iterator[tuple[str, ...]]:
    """Call the function for each item, in a savepoint; what came of it, as a batch says it."""
    for item in items:
        try:
            with connection.transaction():
                answer = single(connection, function, item)
        except psycopg.Error as error:
            yield "refused", str(error.sqlstate), str(error.diag.message_primary), detail_of(error)
        except LevelGivenError:
            yield "refused", "LS006", "invalid argument", f"new_level={item.new_level}"
        else:
            yield "replayed" if answer.replayed else "done", *map(str, answer)


def as_outcome(row: Any) -> tuple[str, ...]:
    """A row of a batch, in the shape of one_by_one()."""
    if row.outcome == "refused":
        return row.outcome, row.error_code, row.message, row.detail or ""
    return row.outcome, *map(str, row[4:])


# Every column but ids; of a time, whether it is there and whether it is that of a default.
WORLD = """
    select array(
        select row(
            one.student_id, one.specialization_id, one.current_level, one.total_xp, one.completed_sessions,
            one.completed_projects, one.theory_hours_completed, one.practice_hours_completed,
            one.last_activity is null, one.created_at = now(), one.updated_at = now(), one.updated_at > now()
        )::text
        from lockstep.specialization_progress as one order by 1
    ) || array(
        select row(
            one.user_id, one.specialization_type, one.current_level, one.max_achieved_level,
            one.started_at = now(), one.last_advanced_at > now(), one.is_active, one.instructor_notes,
            one.created_at = now(), one.updated_at = now(), one.updated_at > now()
        )::text
        from lockstep.user_licenses as one order by 1
    ) || array(
        select row(
            license.user_id, license.specialization_type,
            row_number() over (partition by license.user_id, license.id order by one.id),
            one.from_level, one.to_level, one.progress_from_level, one.advanced_by, one.advancement_reason,
            one.requirements_met, one.advanced_at > now(), one.route, one.database_role, one.application_name,
            one.client_address, one.transaction_id = pg_current_xact_id()
        )::text
        from lockstep.license_progressions as one
        inner join lockstep.user_licenses as license
            on license.user_id = one.user_id and license.id = one.user_license_id
        order by 1
    ) || array(
        select row(one.user_id, one.key, one.function_name, one.arguments, one.answer)::text
        from lockstep.idempotency_keys as one order by 1
    )
"""


# The same as one by one ------------------------------------------------------------------------

some = st.sampled_from
gains = {
    "xp_change": some([None, 0, 10, 500, 12000, 25000, 70000, 250000]),
    "sessions_change": some([None, 0, 5, 15, 20]),
    "projects_change": some([None, 0, 1]),
    "theory_hours_change": some([None, None, None, "0", "35", "45.25"]),
    "practice_hours_change": some([None, None, None, "0", "65"]),
}
usual: dict[str, Any] = {
    "user_id": some([1, 1, 2, 3]),
    "specialization_id": some(["PLAYER", "COACH", "INTERNSHIP"]),
    "advanced_by": some([None, None, 2]),
    "reason": some([None, "why", "because"]),
    "idempotency_key": some([None, None, None, "key-1", "key-2", "key-3"]),
}
odd: dict[str, Any] = {
    "user_id": some([999, None]),
    "specialization_id": some(["NONE", None]),
    "xp_change": some([-500, 2**62, 2**63 - 1]),
    "sessions_change": some([-3, 2**31 - 1]),
    "theory_hours_change": some(["0.005", "1.005", "-1", "NaN", "999999.99", "1e9"]),
    "advanced_by": st.just(999),
    "idempotency_key": some(["", "key-1", "key-2", "k" * 256]),
}


def items_of(function: str) -> st.SearchStrategy[list[Item]]:
    """Usual items, or some among them with one field that is not as usual."""
    level = some([1, 2, 3, 3, 8]) if function == "update_level" else st.none()
    usual_items = st.builds(Item, **(usual | gains), new_level=level)
    fields = usual | gains | {"new_level": level}
    odd_items = st.one_of(
        [
            st.builds(Item, **(fields | {name: values}))
            for name, values in (odd | {"new_level": some([None, 0, 2, 9])}).items()
        ]
    )
    few_odd = st.one_of(usual_items, usual_items, odd_items)
    return st.one_of(st.lists(usual_items, min_size=1, max_size=12), st.lists(few_odd, min_size=4, max_size=16))


# User, specialization, levels of progress and license.
pairs_before = st.dictionaries(
    st.tuples(some([1, 2, 3]), some(["PLAYER", "COACH"])),
    some([(1, 1), (2, 2), (8, 8), (3, 2), (1, 3), (None, 2), (2, None)]),
    max_size=4,
)


def sweep(connection: Connection) -> None:
    """Take every pair away, its history and the keys: by force."""
    with rules_off(connection):
        connection.execute("alter table lockstep.license_progressions disable trigger all")
        for table in ("license_progressions", "specialization_progress", "user_licenses", "idempotency_keys"):
            connection.execute(f"delete from lockstep.{table}".encode())
        connection.execute("alter table lockstep.license_progressions enable trigger all")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_batch_leaves_every_column_as_the_same_calls_one_by_one(connection: Connection, function: str) -> None:
    seen: set[str] = set()

    @settings(CHECK, max_examples=EXAMPLES)
    @given(before=pairs_before, first=items_of(function), items=items_of(function))
    def check(before: dict[tuple[int, str], tuple[int | None, int | None]], first: Any, items: Any) -> None:
        sweep(connection)
        for (user, specialization), (of_progress, of_license) in before.items():
            plant(connection, of_progress, of_license, user, specialization, xp=12_000)
        list(one_by_one(connection, function, first[:3]))  # keys and answers of earlier transactions
        with connection.transaction(force_rollback=True):
            expected = list(one_by_one(connection, function, items))
            world = value(connection, WORLD)
        with connection.transaction(force_rollback=True):
            found = batch(connection, function, items, False)
            assert [row.place for row in found] == list(range(1, len(items) + 1))
            assert [as_outcome(row) for row in found] == expected
            assert value(connection, WORLD) == world
        with connection.transaction(force_rollback=True):
            wrong = [outcome for outcome in expected if outcome[0] == "refused"]
            if wrong:
                with pytest.raises(psycopg.Error) as caught, connection.transaction():
                    batch(connection, function, items)
                assert (caught.value.sqlstate, detail_of(caught.value)) == (wrong[0][1], wrong[0][3])
            else:
                assert [as_outcome(row) for row in batch(connection, function, items)] == expected
                assert value(connection, WORLD) == world
        seen.update(outcome[1] if outcome[0] == "refused" else outcome[0] for outcome in expected)

    check()
    # The examples are no use unless they reach what can happen.
    assert seen >= {"done", "replayed", "LS001", "LS002", "LS005", "LS006", "LS007", "22003"}
    if function == "update_level":
        assert seen >= {"LS003", "LS004"}


# What a caller relies on -----------------------------------------------------------------------


def test_a_batch_answers_in_the_order_of_its_items_and_folds_those_of_a_pair(connection: Connection) -> None:
    found = batch(
        connection,
        "update_level",
        [
            Item(2, "PLAYER", 3, 10, reason="first"),
            Item(1, "COACH", 2, 5),
            Item(2, "PLAYER", 5, 20, reason="second"),
            Item(2, "PLAYER", 4, 30, reason="third"),
        ],
    )
    assert [(row.place, row.user_id, row.license_old_level, row.license_new_level) for row in found] == [
        (1, 2, None, 3),
        (2, 1, None, 2),
        (3, 2, 3, 5),
        (4, 2, 5, 4),
    ]
    assert [row.max_achieved_level for row in found] == [3, 2, 5, 5]
    assert history(connection, 2) == [(None, 3, "function"), (3, 5, "function"), (5, 4, "function")]
    assert progress(connection, 2).total_xp == 60


def test_all_or_nothing_raises_the_first_refusal_and_leaves_nothing(connection: Connection) -> None:
    items = [Item(1, "PLAYER", None, 10, idempotency_key="a"), Item(2, "NONE", None, 10)]
    with refused("LS002"):
        batch(connection, "level_up", items)
    assert levels(connection) == (None, None)
    assert value(connection, "select count(*) from lockstep.idempotency_keys") == 0


def test_item_by_item_the_refused_one_says_why_and_the_others_are_done(connection: Connection) -> None:
    items = [Item(1, "PLAYER", None, 10), Item(2, "NONE", None, 10, idempotency_key="a"), Item(3, "PLAYER", 2)]
    found = batch(connection, "level_up", items, False)
    assert [(row.outcome, row.error_code) for row in found] == [
        ("done", None),
        ("refused", "LS002"),
        ("refused", "LS006"),
    ]
    assert levels(connection) == (1, 1)
    # A refused item leaves no key behind.
    assert value(connection, "select count(*) from lockstep.idempotency_keys") == 0


def test_a_batch_as_json_is_a_batch(connection: Connection) -> None:
    query = (
        "select * from lockstep.level_ups(array("
        "select one from jsonb_populate_recordset(null::lockstep.batch_item, %s) as one))"
    )
    (row,) = rows(connection, query, '[{"user_id": 1, "specialization_id": "PLAYER", "xp_change": 10}]')
    assert (row.outcome, row.total_xp) == ("done", 10)
    assert rows(connection, query, "[]") == []


def test_a_batch_sent_again_with_its_keys_is_answered_and_changes_nothing(connection: Connection) -> None:
    items = [Item(user, "PLAYER", None, 25_000, 12, idempotency_key="request") for user in (1, 2, 3)]
    first = batch(connection, "level_up", items)
    again = batch(connection, "level_up", items)
    assert [row.outcome for row in again] == ["replayed"] * 3
    assert [row[5:-2] for row in again] == [row[5:-2] for row in first]
    assert level_up(connection, 2, "PLAYER", 25_000, 12, idempotency_key="request").replayed
    assert progress(connection).total_xp == 25_000


def test_set_constraints_immediate_does_not_break_a_batch(connection: Connection) -> None:
    batch(connection, "level_up", [Item(1, "PLAYER")])
    with connection.transaction():
        connection.execute("set constraints all immediate")
        batch(connection, "update_level", [Item(1, "PLAYER", 3), Item(2, "PLAYER", 2), Item(1, "COACH", 4)])
    assert (levels(connection), levels(connection, 2)) == ((3, 3), (2, 2))


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_batch_of_an_older_snapshot_is_told_to_retry(
    connection: Connection, connect: Connect, isolation: str
) -> None:
    level_up(connection, 1, "PLAYER")
    for items in ([Item(1, "PLAYER", None, 5)], [Item(2, "PLAYER", None, 5)]):
        session = connect()
        session.execute(f"begin isolation level {isolation}")
        session.execute("select count(*) from lockstep.user_licenses")
        level_up(connection, items[0].user_id, "PLAYER", 10)
        with refused("40001"):
            batch(session, "level_up", items)
        session.execute("rollback")


# Locks -----------------------------------------------------------------------------------------


def array_of(users: Sequence[int], specializations: Sequence[str] = ("PLAYER",)) -> str:
    """A batch for these users, in this order, as SQL."""
    items = ", ".join(
        f"row({user}, '{one}', null, 1, null, null, null, null, null, null, null)::lockstep.batch_item"
        for user in users
        for one in specializations
    )
    return f"array[{items}]"


@pytest.mark.parametrize("new", [False, True])
def test_a_batch_in_the_opposite_order_waits_and_then_goes_on(
    connection: Connection, connect: Connect, new: bool
) -> None:
    """New pairs: the second user's has to be locked although it comes first in the batch."""
    if not new:
        for user in (1, 2, 3):
            level_up(connection, user, "PLAYER")
    first, second, prober = connect(), connect(), connect()
    first.execute("begin")
    rows(first, f"select * from lockstep.level_ups({array_of([1, 2])})")
    with background(second, f"select * from lockstep.level_ups({array_of([3, 2, 1])})") as answer:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        # It waits for the lowest and holds none of the others, although its batch begins with them.
        table, column = ("users", "id") if new else ("specialization_progress", "student_id")
        with prober.transaction():
            prober.execute(f"select from lockstep.{table} where {column} = 3 for no key update nowait".encode())
        first.execute("commit")
        assert len(answer.result()) == 3
    assert [progress(connection, user).total_xp for user in (1, 2, 3)] == [2, 2, 1]


def test_batches_in_every_order_and_single_calls_meet_no_deadlock_and_lose_nothing(
    connection: Connection, connect: Connect
) -> None:
    users = list(range(101, 131))
    add_users(connection, *users)
    for user in users[::2]:  # the other pairs are made in the race
        level_up(connection, user, "PLAYER")

    def batches(seed: int) -> int:
        session, random = connect("lockstep_app"), Random(seed)
        for number in range(15):
            chosen = random.sample(users, 12)
            keyed = array_of(chosen, ("PLAYER", "COACH")).replace(
                "null)::", f"'key-{seed % 2}-{number}')::"
            )  # two of each: they want the same keys
            rows(session, f"select * from lockstep.level_ups({keyed if seed < 4 else array_of(chosen)}, false)")
        return 0

    def singly(seed: int) -> int:
        session, random = connect("lockstep_app"), Random(seed)
        for _ in range(150):
            level_up(session, random.choice(users), random.choice(["PLAYER", "COACH"]), 1)
        return 0

    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    at_once([*(partial(batches, seed) for seed in range(6)), *(partial(singly, seed) for seed in (10, 11))])
    assert value(connection, deadlocks) == 0
    assert desyncs(connection) == 0
