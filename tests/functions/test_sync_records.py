"""sync_records() (B5): both sides equal the source afterwards."""

import pytest

from tests.pairs import (
    Connect,
    Connection,
    background,
    call,
    desyncs,
    history,
    levels,
    license,
    one,
    plant,
    progress,
    refused,
    rows,
    update_level,
)
from tests.support import wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")


@pytest.mark.parametrize("found", [(5, 3), (3, 5), (8, 1)])
@pytest.mark.parametrize("source", ["progress", "license"])
def test_both_sides_equal_the_source_afterwards(connection: Connection, found: tuple[int, int], source: str) -> None:
    plant(connection, *found, xp=77)
    kept, replaced = found if source == "progress" else found[::-1]
    outcome = call(connection, "sync_records", 1, "PLAYER", source)
    assert (outcome.action, outcome.synced) == ("updated", True)
    assert (outcome.old_level, outcome.new_level) == (replaced, kept)
    assert (outcome.user_id, outcome.specialization_id) == (1, "PLAYER")
    assert levels(connection) == (kept, kept)
    assert progress(connection).total_xp == 77
    assert license(connection).max_achieved_level == max(kept, found[1])
    assert desyncs(connection) == 0


@pytest.mark.parametrize(
    ("found", "source"), [((4, None), "progress"), ((None, 4), "license"), ((1, None), "progress")]
)
def test_a_missing_side_is_made_at_the_level_of_the_source(
    connection: Connection, found: tuple[int | None, int | None], source: str
) -> None:
    plant(connection, *found)
    outcome = call(connection, "sync_records", 1, "PLAYER", source)
    level = found[0] or found[1]
    assert (outcome.action, outcome.synced) == ("created", True)
    assert (outcome.old_level, outcome.new_level) == (None, level)
    assert levels(connection) == (level, level)
    assert license(connection).max_achieved_level == level
    assert history(connection) == ([] if level == 1 else [(None, level, "repair")])


@pytest.mark.parametrize(
    ("found", "source"), [((4, None), "license"), ((None, 4), "progress"), ((None, None), "license")]
)
def test_a_source_that_does_not_exist_is_an_error_and_nothing_is_made(
    connection: Connection, found: tuple[int | None, int | None], source: str
) -> None:
    plant(connection, *found)
    with refused("LS014"):
        call(connection, "sync_records", 1, "PLAYER", source)
    assert levels(connection) == found


@pytest.mark.parametrize("source", ["progress", "license"])
def test_already_equal_is_action_none_and_nothing_is_written(connection: Connection, source: str) -> None:
    update_level(connection, 1, "PLAYER", 3)
    physical = (
        "select progress.ctid as of_progress, license.ctid as of_license"
        " from lockstep.specialization_progress as progress"
        " inner join lockstep.user_licenses as license on license.user_id = progress.student_id"
    )
    before = one(connection, physical), progress(connection), license(connection)
    outcome = call(connection, "sync_records", 1, "PLAYER", source)
    assert (outcome.action, outcome.synced) == ("none", False)
    assert (outcome.old_level, outcome.new_level) == (3, 3)
    assert (one(connection, physical), progress(connection), license(connection)) == before
    assert len(history(connection)) == 1


@pytest.mark.parametrize("source", ["both", "", "PROGRESS", None])
def test_another_source_is_an_error(connection: Connection, source: str | None) -> None:
    plant(connection, 5, 3)
    with refused("LS006"):
        call(connection, "sync_records", 1, "PLAYER", source)
    assert levels(connection) == (5, 3)


def test_an_unknown_user_or_specialization_is_an_error(connection: Connection) -> None:
    with refused("LS001"):
        call(connection, "sync_records", 999, "PLAYER", "progress")
    with refused("LS002"):
        call(connection, "sync_records", 1, "JUGGLER", "progress")


def test_the_history_names_the_repair_its_actor_and_both_old_levels(connection: Connection) -> None:
    plant(connection, 5, 3)
    call(connection, "sync_records", 1, "PLAYER", "progress", advanced_by=2, reason="by hand")
    row = one(connection, "select * from lockstep.license_progressions")
    assert (row.from_level, row.to_level, row.progress_from_level) == (3, 5, 5)
    assert (row.route, row.advanced_by, row.advancement_reason) == ("repair", 2, "by hand")


def test_duplicate_synchronizations_at_once_write_once(connection: Connection, connect: Connect) -> None:
    plant(connection, 5, 3)
    first, second = connect("lockstep_admin"), connect("lockstep_admin")
    first.execute("begin")
    assert call(first, "sync_records", 1, "PLAYER", "progress").action == "updated"
    query = "select * from lockstep.sync_records(1, 'PLAYER', 'progress')"
    with background(second, query) as answer:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        (row,) = answer.result()
    assert row.action == "none"
    assert len(history(connection)) == 1
    assert rows(connection, "select * from lockstep.desync") == []
