"""Each drill of the runbook breaks something, sees it where the runbook says, mends it, and sees it healthy."""

import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from app import create_app
from app.drills import DRILLS, DrillError, Rows, World, world_of
from app.settings import PROJECT, Settings
from tests.pairs import Connection, rows, value

pytestmark = pytest.mark.once

RUNBOOK = (PROJECT / "docs" / "operations.md").read_text("utf-8").partition("\n## Runbook\n")[2].partition("\n## ")[0]

Perform = Callable[[str], dict[str, Rows]]


@pytest.fixture
def perform(database: str, connection: Connection) -> Perform:
    """Perform a drill in a clone of the template; return what it showed, by title."""

    def perform(name: str) -> dict[str, Rows]:
        connection.execute("select lockstep.record_guards()")
        with world_of(database, lambda _: None) as world:
            DRILLS[name](world)
            return world.seen

    return perform


def only(rows: Rows) -> dict[str, Any]:
    (row,) = rows
    return row


def test_of_two_who_save_one_version_the_second_is_refused_and_both_changes_end_up_there(perform: Perform) -> None:
    seen = perform("conflict")
    assert only(seen["refusal"])["sqlstate"] == "LS052"
    assert only(seen["after the refusal"]) == {"version": 2, "title": "Ann's maze", "description": ""}
    assert only(seen["healthy"]) == {"version": 4, "title": "Our maze", "description": "With a minotaur"}


def test_a_pool_that_is_exhausted_shows_who_forgot_a_transaction_and_recovers(perform: Perform) -> None:
    seen = perform("pool-exhausted")
    assert only(seen["refusal"]) == {"error": "PoolTimeout"}
    assert only(seen["exhausted"])["idle_in_transaction"] == 2
    assert only(seen["healthy"])["idle_in_transaction"] == 0


def test_a_deadlock_ends_one_of_the_two_is_counted_and_loses_nothing(perform: Perform) -> None:
    seen = perform("deadlock")
    waiting = only(seen["waiting"])
    assert (waiting["waiting_application"], waiting["blocker_application"]) == ("lockstep drill a", "lockstep drill b")
    assert sorted(row["sqlstate"] or "" for row in seen["ended"]) == ["", "40P01"]
    assert seen["deadlocks"] == [{"deadlocks": 1}]
    assert (seen["lock_waits"], [row["total_xp"] for row in seen["healthy"]]) == ([], [120, 120])


def test_a_statement_that_lost_its_index_is_seen_and_gets_it_back(perform: Perform) -> None:
    seen = perform("slow-queries")
    guard = only(seen["sentinel"])
    assert (guard["kind"], guard["name"], guard["status"]) == ("index", "uq_users_email", "missing")
    assert "Seq Scan" in str(seen["plan without it"])
    assert "Seq Scan" not in str(seen["plan with it"])
    assert seen["healthy"] == []


def test_desync_is_found_explained_repaired_and_its_incident_ends(perform: Perform) -> None:
    seen = perform("desync-found")
    pair = only(seen["desync"])
    assert (pair["user_id"], pair["progress_level"], pair["license_level"]) == (1, 2, 1)
    assert {row["kind"] for row in seen["incidents"]} == {"desync_found", "unhealthy"}
    assert len(seen["why"]) == 1
    assert (seen["healthy"], seen["open incidents"]) == ([], [])


def test_a_guard_that_is_gone_is_named_and_put_back(perform: Perform) -> None:
    seen = perform("guard-broken")
    assert only(seen["sentinel"])["status"] == "missing"
    assert only(seen["incidents"])["kind"] == "guards_broken"
    assert seen["healthy"] == []


def test_a_job_that_is_silent_is_told_until_it_runs(perform: Perform) -> None:
    seen = perform("job-silent")
    assert (only(seen["incidents"])["kind"], only(seen["incidents"])["subject"]) == ("no_run", "reconcile")
    assert only(seen["health"])["run_overdue"] is False
    assert seen["healthy"] == []


def test_a_drill_on_a_scratch_database_ends_with_0_and_leaves_the_real_one_as_it_was(
    database: str, connection: Connection
) -> None:
    result = create_app(Settings(dsn=database)).test_cli_runner().invoke(args=["drill", "job-silent"])
    assert result.exit_code == 0, result.output
    for table in ("users", "sync_runs", "health_checks", "noted_incidents"):
        assert value(connection, f"select count(*) from lockstep.{table}") == 0
    scratch = f"lockstep_scratch_{os.getpid()}"
    assert rows(connection, "select from pg_database where datname = %s", scratch) == []


def test_a_drill_that_goes_otherwise_ends_with_1(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def otherwise(world: World) -> None:
        """Another world."""
        raise DrillError("not as expected")

    monkeypatch.setitem(DRILLS, "job-silent", otherwise)
    result = create_app(Settings(dsn=database)).test_cli_runner().invoke(args=["drill", "job-silent"])
    assert result.exit_code == 1


def test_the_runbook_has_a_part_for_each_drill_and_no_other() -> None:
    assert re.findall(r"make drill NAME=([\w-]+)", RUNBOOK) == list(DRILLS)
