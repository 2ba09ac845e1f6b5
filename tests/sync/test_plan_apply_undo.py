"""A repair is a plan: read first, applied to what it saw, undone by rule (D3 to D6)."""

import random
from typing import Any

import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    call,
    desyncs,
    history,
    level_up,
    levels,
    one,
    outcome,
    plant,
    progress,
    refused,
    rows,
    rules_off,
    update_level,
    value,
)

DIRECTIONS = ("progress_to_license", "license_to_progress", "to_higher_level")


def plan(connection: Connection, direction: str = "to_higher_level", **named: object) -> int:
    run: int = call(connection, "plan_sync", direction, **named).id
    return run


def apply(connection: Connection, run: int) -> None:
    connection.execute("call lockstep.apply_sync(%s)", [run])


def undo(connection: Connection, run: int) -> int:
    found: int = value(connection, "call lockstep.undo_sync(%s)", run)
    return found


def items(connection: Connection, run: int) -> list[Any]:
    return rows(connection, "select * from lockstep.run_items where run_id = %s order by user_id, specialization", run)


def outcomes(connection: Connection, run: int) -> dict[int, str]:
    return {item.user_id: item.outcome for item in items(connection, run)}


def world(connection: Connection) -> list[Any]:
    """Every column of every pair."""
    return rows(
        connection,
        """
        select to_jsonb(progress) as progress, to_jsonb(license) as license
        from lockstep.specialization_progress as progress
        full outer join lockstep.user_licenses as license
            on license.user_id = progress.student_id
            and license.specialization_type = progress.specialization_id
        order by coalesce(progress.student_id, license.user_id), progress.specialization_id
        """,
    )


@pytest.fixture
def planted(connection: Connection) -> Connection:
    """User 1: progress 5, license 3. 2: 2 and 4. 3: no license. 4: no progress. 5: in step."""
    add_users(connection, *range(1, 6))
    plant(connection, 5, 3, user=1)
    plant(connection, 2, 4, user=2)
    plant(connection, 3, None, user=3)
    plant(connection, None, 6, user=4)
    update_level(connection, 5, "PLAYER", 2)
    return connection


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("progress_to_license", {1: (5, 5), 2: (2, 2), 3: (3, 3), 4: (None, 6)}),
        ("license_to_progress", {1: (3, 3), 2: (4, 4), 3: (3, None), 4: (6, 6)}),
        ("to_higher_level", {1: (5, 5), 2: (4, 4), 3: (3, 3), 4: (6, 6)}),
    ],
)
def test_a_plan_changes_nothing_and_applying_it_does_what_it_lists(
    planted: Connection, direction: str, expected: dict[int, tuple[int | None, int | None]]
) -> None:
    before = world(planted)
    run = plan(planted, direction)
    listed = {item.user_id: (item.action, item.expected_level) for item in items(planted, run)}
    assert world(planted) == before
    assert set(listed) == {1, 2, 3, 4}

    apply(planted, run)
    assert {user: levels(planted, user) for user in expected} == expected
    for user, (action, level) in listed.items():
        if action == "none":
            assert outcomes(planted, run)[user] == "skipped"
        else:
            assert outcomes(planted, run)[user] == "synced"
            assert levels(planted, user) == (level, level)
    assert levels(planted, 5) == (2, 2)


def test_each_repair_leaves_a_history_row_of_route_repair(planted: Connection) -> None:
    apply(planted, plan(planted))
    assert history(planted, 1) == [(3, 5, "repair")]
    assert history(planted, 2) == [(2, 4, "repair")]
    assert history(planted, 3) == [(None, 3, "repair")]
    assert history(planted, 4) == [(None, 6, "repair")]


def test_a_run_keeps_who_planned_it_and_who_applied_it_and_the_history_who_did(
    planted: Connection, connect: Connect
) -> None:
    run = plan(planted, requested_by=1)
    who = "select requested_by, applied_by, applied_role, applied_application from lockstep.runs where run_id = %s"
    assert rows(planted, who, run) == [(1, None, None, None)]
    dba = connect("lockstep_admin", application_name="a laptop")
    with refused("LS001"):
        dba.execute("call lockstep.apply_sync(%s, 99)", [run])
    dba.execute("call lockstep.apply_sync(%s, 2)", [run])
    assert rows(planted, who, run) == [(1, 2, "lockstep_admin", "a laptop")]
    undone = value(dba, "call lockstep.undo_sync(%s, null, 3)", run)
    assert rows(planted, who, undone) == [(3, 3, "lockstep_admin", "a laptop")]
    by = "select advanced_by from lockstep.license_progressions where user_id = 1 order by id"
    assert rows(planted, by) == [(2,), (3,)]
    # Who does not say who they are leaves the role; the planner answers for the change.
    again = call(planted, "plan_undo", undone, 4).id
    apply(planted, again)
    assert rows(planted, who, again)[0][:3] == (4, None, value(planted, "select session_user"))
    assert rows(planted, by) == [(2,), (3,), (4,)]


def test_a_row_that_changed_since_the_plan_is_skipped_and_said(planted: Connection) -> None:
    run = plan(planted)
    level_up(planted, 1, "PLAYER", 500)
    apply(planted, run)
    assert outcomes(planted, run) == {1: "skipped", 2: "synced", 3: "synced", 4: "synced"}
    assert levels(planted, 1) == (5, 3)
    assert progress(planted, 1).total_xp == 500


def test_a_missing_side_that_somebody_made_since_is_skipped(planted: Connection) -> None:
    run = plan(planted)
    call(planted, "sync_records", 3, "PLAYER", "progress")
    apply(planted, run)
    assert outcomes(planted, run)[3] == "skipped"


def test_the_comparison_does_not_depend_on_the_time_zone(planted: Connection, connect: Connect) -> None:
    planted.execute("set timezone = 'Asia/Kathmandu'")
    run = plan(planted)
    apply(connect(), run)
    assert set(outcomes(planted, run).values()) == {"synced"}


def test_one_bad_item_does_not_stop_the_others_and_is_counted(planted: Connection) -> None:
    planted.execute(
        """
        create function lockstep.fail_for_two() returns trigger language plpgsql as
        $$ begin if new.student_id = 2 then raise 'no' using errcode = 'XX001'; end if; return new; end $$
        """
    )
    planted.execute(
        "create trigger fail_for_two before update on lockstep.specialization_progress"
        " for each row execute function lockstep.fail_for_two()"
    )
    run = plan(planted)
    apply(planted, run)
    assert outcomes(planted, run) == {1: "synced", 2: "failed", 3: "synced", 4: "synced"}
    summary = one(planted, "select * from lockstep.runs where run_id = %s", run)
    assert (summary.status, summary.synced_count, summary.failed_count) == ("partial_failure", 3, 1)
    assert items(planted, run)[1].error_code == "XX001"


def test_a_pair_that_traffic_holds_is_tried_three_times_then_recorded(planted: Connection, connect: Connect) -> None:
    run = plan(planted)
    holder = connect(autocommit=False)
    holder.execute("select from lockstep.specialization_progress where student_id = 1 for update")
    apply(planted, run)
    holder.rollback()
    (held, *others) = items(planted, run)
    assert (held.outcome, held.error_code, held.attempts) == ("failed", "55P03", 3)
    assert {item.outcome for item in others} == {"synced"}


def test_limit_user_and_specialization_narrow_a_plan(planted: Connection) -> None:
    assert len(items(planted, plan(planted, limit=2))) == 2
    assert set(outcomes(planted, plan(planted, user_id=3))) == {3}
    assert items(planted, plan(planted, specialization_id="COACH")) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["sideways"], "LS006"), ([None], "LS006"), (["to_higher_level", "NOBODY"], "LS002")],
)
def test_a_plan_of_something_unknown_is_refused(connection: Connection, arguments: list[str], code: str) -> None:
    with refused(code):
        call(connection, "plan_sync", *arguments)
    with refused("LS001"):
        call(connection, "plan_sync", "to_higher_level", user_id=99)


def test_runs_that_are_unknown_or_finished_are_refused(planted: Connection) -> None:
    with refused("LS015"):
        apply(planted, 99)
    run = plan(planted)
    with refused("LS018"):
        undo(planted, run)
    apply(planted, run)
    with refused("LS016"):
        apply(planted, run)
    with refused("LS015"):
        undo(planted, 99)


def test_sync_all_plans_unless_told_otherwise(planted: Connection) -> None:
    run = value(planted, "call lockstep.sync_all('to_higher_level')")
    assert desyncs(planted) == 4
    assert one(planted, "select * from lockstep.runs where run_id = %s", run).dry_run
    value(planted, "call lockstep.sync_all('to_higher_level', false)")
    assert desyncs(planted) == 0


def test_sync_user_repairs_one_pair_and_says_what_it_did(planted: Connection) -> None:
    outcome = call(planted, "sync_user", 1, "PLAYER", "to_higher_level")
    assert (outcome.action, outcome.old_level, outcome.new_level, outcome.synced) == ("updated", 3, 5, True)
    assert call(planted, "sync_user", 1, "PLAYER", "to_higher_level").action == "none"
    assert call(planted, "sync_user", 3, "PLAYER", "progress_to_license").action == "created"
    assert call(planted, "sync_user", 4, "PLAYER", "progress_to_license").action == "skipped"
    assert desyncs(planted) == 2


def test_sync_user_all_repairs_every_specialization_of_one_user(planted: Connection) -> None:
    plant(planted, 1, 3, user=1, specialization="COACH")
    found = rows(planted, "select * from lockstep.sync_user_all(1, 'to_higher_level')")
    assert [(row.specialization_id, row.new_level) for row in found] == [("COACH", 3), ("PLAYER", 5)]
    assert desyncs(planted) == 3


# Undo ---------------------------------------------------------------------------------------------


def test_undo_brings_both_sides_to_the_level_that_was_replaced(planted: Connection) -> None:
    run = plan(planted)
    apply(planted, run)
    undone = undo(planted, run)
    assert levels(planted, 1) == (3, 3)
    assert levels(planted, 2) == (2, 2)
    assert levels(planted, 3) == (3, 3)
    assert levels(planted, 4) == (6, 6)
    assert set(outcomes(planted, undone).values()) == {"undone_in_step"}
    assert desyncs(planted) == 0


def test_undo_of_the_undo_brings_every_column_back(planted: Connection) -> None:
    run = plan(planted)
    apply(planted, run)
    repaired = world(planted)
    again = undo(planted, undo(planted, run))
    assert world(planted) == repaired
    assert set(outcomes(planted, again).values()) == {"undone"}


def test_undo_skips_what_changed_since_the_repair(planted: Connection) -> None:
    run = plan(planted)
    apply(planted, run)
    level_up(planted, 1, "PLAYER", 77)
    undone = undo(planted, run)
    assert outcomes(planted, undone)[1] == "skipped"
    assert levels(planted, 1) == (5, 5)
    assert progress(planted, 1).total_xp == 77


def test_the_rows_as_found_stay_whole_in_the_items(planted: Connection) -> None:
    found = world(planted)[0]
    run = plan(planted)
    apply(planted, run)
    undo(planted, run)
    kept = one(
        planted,
        "select progress_before, license_before from lockstep.sync_run_items where run_id = %s and user_id = 1",
        run,
    )
    assert tuple(kept) == tuple(found)


@pytest.mark.parametrize("seed", range(4))
def test_in_random_worlds_the_plan_is_what_is_applied_and_undone(connection: Connection, seed: int) -> None:
    """250 random pairs a seed, 1,000 worlds of one pair in all; each is its own world: keys do not meet."""
    chance = random.Random(seed)
    add_users(connection, *range(1, 251))
    with rules_off(connection):
        for user in range(1, 251):
            chosen = [chance.choice([None, *range(1, 9)]) for _ in range(2)]
            if chosen[0] is not None:
                connection.execute(
                    "insert into lockstep.specialization_progress (student_id, specialization_id, current_level,"
                    " total_xp, completed_sessions) values (%s, 'PLAYER', %s, %s, %s)",
                    [user, chosen[0], chance.randrange(10**6), chance.randrange(99)],
                )
            if chosen[1] is not None:
                connection.execute(
                    "insert into lockstep.user_licenses (user_id, specialization_type, current_level,"
                    " max_achieved_level, is_active, instructor_notes) values (%s, 'PLAYER', %s, %s, %s, %s)",
                    [user, chosen[1], chance.randint(chosen[1], 8), chance.random() < 0.8, chance.choice([None, "x"])],
                )
    run = plan(connection, chance.choice(DIRECTIONS))
    listed = {item.user_id: item for item in items(connection, run)}
    before = {user: levels(connection, user) for user in listed}
    apply(connection, run)
    repaired = world(connection)
    for user, item in listed.items():
        if item.action == "none":
            assert levels(connection, user) == before[user]
        else:
            assert levels(connection, user) == (item.expected_level, item.expected_level)

    undone = undo(connection, run)
    for item in items(connection, undone):
        assert item.outcome == "undone_in_step"
        source = listed[item.user_id]
        replaced = {
            "update_license": source.license_level,
            "update_progress": source.progress_level,
        }.get(source.action, source.expected_level)
        assert levels(connection, item.user_id) == (replaced, replaced) == (item.expected_level,) * 2

    again = undo(connection, undone)
    assert set(outcomes(connection, again).values()) == {"undone"}
    assert world(connection) == repaired


def test_a_run_inside_a_transaction_block_is_refused_by_postgresql(planted: Connection) -> None:
    run = plan(planted)
    assert outcome(planted, f"call lockstep.apply_sync({run})") == "2D000"
