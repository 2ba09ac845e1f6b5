"""`flask --app app sync …`: tables, JSON, and exit codes that a script can rely on."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app import create_app, sync
from app.settings import Settings
from tests.pairs import Connection, add_users, age, desyncs, plant, value


@pytest.fixture
def planted(connection: Connection) -> Connection:
    add_users(connection, 1, 2)
    plant(connection, 5, 3, user=1)
    plant(connection, 2, None, user=2)
    return connection


@pytest.fixture
def run(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(sync, "LOGS", tmp_path)
    runner = create_app(Settings(dsn=database)).test_cli_runner()

    def run(*arguments: str) -> Result:
        result: Result = runner.invoke(args=["sync", *arguments])
        return result

    return run


def test_find_lists_desync_and_says_so_in_its_exit_code(planted: Connection, run: Any) -> None:
    found = run("find", "--json")
    assert found.exit_code == 1
    assert [(issue["user_id"], issue["issue_type"]) for issue in json.loads(found.stdout)] == [
        (1, "level_mismatch"),
        (2, "missing_license"),
    ]
    assert "student1@example.org" in run("find").stdout
    assert run("find", "--specialization", "COACH").exit_code == 0


def test_plan_apply_undo_by_hand(planted: Connection, run: Any) -> None:
    planned = run("plan", "--direction", "progress_to_license", "--json")
    assert planned.exit_code == 1
    number = json.loads(planned.stdout)["run_id"]
    assert desyncs(planted) == 2
    assert run("apply", str(number)).exit_code == 0
    assert desyncs(planted) == 0
    undone = run("undo", str(number), "--json")
    assert undone.exit_code == 0
    assert json.loads(undone.stdout)["synced_count"] == 2
    assert run("runs").stdout.count("success") == 2
    assert json.loads(run("runs", str(number), "--json").stdout)["issues_found"] == 2


def test_errors_end_in_two_and_a_sentence(connection: Connection, run: Any) -> None:
    for arguments in (["apply", "99"], ["undo", "99"], ["find", "--specialization", "NOBODY"], ["plan", "--sideways"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def test_reconcile_writes_its_log_and_health_looks_at_it(planted: Connection, run: Any, tmp_path: Path) -> None:
    assert run("health").exit_code == 1
    assert run("reconcile").exit_code == 0
    (log,) = tmp_path.glob("*_sync.log")
    assert json.loads(log.read_text("utf-8"))["synced_count"] == 2
    assert run("health").exit_code == 0
    state = json.loads(run("health", "--json").stdout)
    assert (state["status"], state["consistency_rate"], state["total_checked"]) == ("healthy", 100.0, 2)
    assert (state["total_violations"], state["requires_attention"]) == (0, False)
    age(planted, "sync_runs", "8 hours", "job_end")
    assert run("health", "--no-check").exit_code == 4


def test_a_run_beside_another_is_skipped_and_says_so(planted: Connection, run: Any) -> None:
    # At work is this very session, which stays.
    planted.execute(
        "insert into lockstep.sync_runs (direction, status, backend_pid, last_batch_at)"
        " values ('to_higher_level', 'running', pg_backend_pid(), clock_timestamp())"
    )
    assert run("reconcile").exit_code == 3
    assert desyncs(planted) == 2


def test_scan_verifies_every_range_and_goes_on_where_it_stopped(planted: Connection, run: Any) -> None:
    assert run("scan", "--chunk", "1").exit_code == 1
    assert value(planted, "select count(*) from lockstep.verified_ranges") == 3
    planted.execute("update lockstep.verified_ranges set verified_at = null, pairs = 0 where first_user_id = 1")
    newest = value(planted, "select verified_at from lockstep.verified_ranges where first_user_id = 0")
    assert run("scan").exit_code == 1
    assert value(planted, "select pairs from lockstep.verified_ranges where first_user_id = 1") == 1
    assert newest is not None
