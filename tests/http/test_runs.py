"""Runs over HTTP: what a dry run lists is what is done, by one at a time, and can be taken back."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.http.database import Database
from app.settings import PROJECT, Settings
from tests.http.conftest import Call, Connection, People
from tests.pairs import age, desyncs, plant, refused, rows, value
from tests.support import DEADLINE, NEVER, wait_until

SYNC_ALL = "/api/v1/licenses/admin/sync/all"
RUNS = "/api/v1/runs"
UP = {"direction": "progress_to_license"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A request works on one batch only."""
    return replace(settings, run_budget=0.0)


@pytest.fixture
def planted(connection: Connection, people: People) -> list[int]:
    """Progress at 5, license at 3, of each student; ann's license is missing."""
    students = [people[name] for name in ("ann", "bob", "carl", "dora")]
    for user in students:
        plant(connection, 5, None if user == people["ann"] else 3, user=user)
    connection.execute("select lockstep.change_setting('sync_batch_size', '1')")
    connection.execute("select lockstep.change_setting('sync_pause', '1 ms')")
    connection.execute("select lockstep.change_setting('sync_lease', %s)", [NEVER])
    return students


def levels(connection: Connection) -> list[Any]:
    return rows(connection, "select user_id, progress_level, license_level from lockstep.pairs order by user_id")


def body(answer: TestResponse, *statuses: int) -> Any:
    assert answer.status_code in (statuses or (200,)), answer.json
    return answer.json


def apply(call: Call, run: int) -> Any:
    """Call until nothing is left; the last answer."""
    for _ in range(20):
        found = body(call("admin", "POST", f"{RUNS}/{run}/apply"), 200, 202)
        if found["status"] != "running":
            return found
    raise AssertionError("a run without end")


def test_a_dry_run_is_what_one_gets_unasked_and_its_list_is_what_is_then_done(
    call: Call, planted: list[int], connection: Connection
) -> None:
    before = levels(connection)
    shown = body(call("admin", "POST", SYNC_ALL, json=UP))
    assert (shown["dry_run"], shown["status"], shown["issues_found"]) == (True, "success", 4)
    assert levels(connection) == before
    done = apply(call, shown["run_id"])
    assert (done["status"], done["dry_run"], done["synced_count"]) == ("success", False, 4)
    told = ("user_id", "specialization", "action", "expected_level", "progress_level", "license_level")
    assert [[item[name] for name in told] for item in done["results"]] == [
        [item[name] for name in told] for item in shown["results"]
    ]
    assert [item["outcome"] for item in done["results"]] == ["synced"] * 4
    assert levels(connection) == [(item["user_id"], *[item["expected_level"]] * 2) for item in shown["results"]]


def test_a_request_whose_time_is_over_answers_202_and_the_next_goes_on(
    call: Call, planted: list[int], connection: Connection
) -> None:
    first = body(call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}), 202)
    assert (first["status"], desyncs(connection)) == ("running", 3)
    second = body(call("admin", "POST", f"{RUNS}/{first['run_id']}/apply"), 202)
    assert (second["status"], desyncs(connection)) == ("running", 2)
    # Between two requests it is nobody's, and no other run takes its place.
    other = body(call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}))
    assert (other["status"], other["synced_count"]) == ("skipped", 0)
    assert apply(call, first["run_id"])["synced_count"] == 4
    assert desyncs(connection) == 0
    assert value(connection, "select count(*) from lockstep.level_history") == 4


def test_with_time_enough_one_request_does_it_all(app: Flask, call: Call, planted: list[int]) -> None:
    app.extensions["lockstep"] = replace(app.extensions["lockstep"], run_budget=float("inf"))
    done = body(call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False, "specialization": "PLAYER", "limit": 3}))
    assert (done["status"], done["issues_found"], done["synced_count"]) == ("success", 3, 3)
    again = body(call("admin", "POST", f"{RUNS}/{done['run_id']}/apply"), 409)
    assert again["sqlstate"] == "LS016"


def test_of_two_who_apply_a_run_at_once_one_does_it_and_the_other_is_told(
    app: Flask, call: Call, planted: list[int], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.extensions["lockstep"] = replace(app.extensions["lockstep"], run_budget=float("inf"))
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    # The first stops after its first batch, until the second was answered.
    pausing, told = threading.Event(), threading.Event()

    def pause(_: float) -> None:
        pausing.set()
        assert told.wait(2 * DEADLINE)

    monkeypatch.setattr("app.http.runs.sleep", pause)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, "admin", "POST", f"{RUNS}/{run}/apply")
        try:
            assert pausing.wait(DEADLINE)
            # More than once: each may come through the very connection that the first batch came through.
            for _ in range(3):
                assert body(call("admin", "POST", f"{RUNS}/{run}/apply"), 409)["sqlstate"] == "LS017"
            assert desyncs(connection) == 3
        finally:
            told.set()
        done = body(first.result())
    assert (done["status"], done["synced_count"]) == ("success", 4)
    assert value(connection, "select count(*) from lockstep.level_history") == 4


# Its request has time for the pause after the first batch, and is killed in it: it has not let the run go.
WEB_WORKER = """
import sys
from dataclasses import replace
from app import create_app
run, token = sys.argv[1:]
app = create_app()
app.extensions["lockstep"] = replace(app.extensions["lockstep"], run_budget=float("inf"))
client, bearer = app.test_client(), {"Authorization": f"Bearer {token}"}
while client.post(f"/api/v1/runs/{run}/apply", headers=bearer).status_code == 503:
    pass
"""


def test_a_run_whose_web_worker_was_killed_is_gone_on_with_when_its_lease_is_over(
    call: Call, tokens: Callable[[str], str], settings: Settings, planted: list[int], connection: Connection
) -> None:
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    connection.execute("select lockstep.change_setting('sync_pause', %s)", [NEVER])
    environment = {
        "LOCKSTEP_HOME": str(settings.home),
        "LOCKSTEP_HTTP_DSN": str(settings.http_dsn),
        "LOCKSTEP_HTTP_ADMIN_DSN": str(settings.http_admin_dsn),
        "LOCKSTEP_POOL": "0-1",
        "LOCKSTEP_PREPARE": "never",
    }
    command = [sys.executable, "-c", WEB_WORKER, str(run), tokens("admin")]
    with subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment) as web_worker:
        try:
            wait_until(connection, lambda: desyncs(connection) == 3, "the first batch is committed")
        finally:
            web_worker.kill()
    connection.execute("select lockstep.change_setting('sync_pause', '1 ms')")
    assert body(call("admin", "POST", f"{RUNS}/{run}/apply"), 409)["sqlstate"] == "LS017"
    age(connection, "sync_runs", "61 minutes", "last_batch_at")
    assert apply(call, run)["synced_count"] == 4
    assert value(connection, "select count(*) from lockstep.level_history") == 4


def test_a_connection_lost_in_the_middle_of_a_batch_takes_back_that_batch_only(
    app: Flask, call: Call, planted: list[int], connection: Connection, connect: Any, people: People
) -> None:
    app.extensions["lockstep"] = replace(app.extensions["lockstep"], run_budget=float("inf"))
    connection.execute("select lockstep.change_setting('sync_lock_timeout', %s)", [NEVER])
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    holder = connect(autocommit=False)
    holder.execute("select from lockstep.specialization_progress where student_id = %s for update", [people["carl"]])
    waiting = (
        "select max(pid) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock' and query ~ 'work_on_run'"
    )
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call, "admin", "POST", f"{RUNS}/{run}/apply")
        wait_until(connection, lambda: value(connection, waiting) is not None, "a batch waits for carl's pair")
        connection.execute("select pg_terminate_backend(%s::integer)", [value(connection, waiting)])
        lost = answer.result()
    holder.rollback()
    assert lost.status_code == 503, lost.json
    assert body(call("admin", "GET", f"{RUNS}/{run}"))["status"] == "running"
    done = apply(call, run)
    assert (done["status"], done["synced_count"]) == ("success", 4)
    assert value(connection, "select count(*) from lockstep.level_history") == 4


def test_a_run_that_waits_for_its_next_request_is_not_taken_for_dead_until_its_lease_is_over(
    call: Call, planted: list[int], connection: Connection
) -> None:
    run = body(call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}), 202)["run_id"]
    connection.execute("select lockstep.fail_dead_runs()")
    assert body(call("admin", "GET", f"{RUNS}/{run}"))["status"] == "running"
    age(connection, "sync_runs", "61 minutes", "last_batch_at")
    connection.execute("select lockstep.fail_dead_runs()")
    found = body(call("admin", "GET", f"{RUNS}/{run}"))
    assert (found["status"], found["synced_count"]) == ("failed", 1)
    assert apply(call, run)["synced_count"] == 4


def test_a_worker_that_comes_too_late_does_not_go_on_beside_who_took_over(
    call: Call, planted: list[int], connection: Connection
) -> None:
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    late, quick = (value(connection, "select gen_random_uuid()") for _ in range(2))
    work = "select lockstep.work_on_run(%s, %s)"
    connection.execute(work, [run, late])
    age(connection, "sync_runs", "61 minutes", "last_batch_at")
    connection.execute(work, [run, quick])
    with refused("LS017"):
        connection.execute(work, [run, late])
    connection.execute("select lockstep.leave_run(%s, %s)", [run, late])
    assert value(connection, "select worker from lockstep.sync_runs") == quick


def test_live_traffic_keeps_its_pair_and_the_run_says_so(
    call: Call, planted: list[int], connection: Connection, connect: Any, people: People
) -> None:
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    holder = connect(autocommit=False)
    holder.execute("select from lockstep.specialization_progress where student_id = %s for update", [people["carl"]])
    done = apply(call, run)
    holder.rollback()
    assert (done["status"], done["synced_count"], done["failed_count"]) == ("partial_failure", 3, 1)
    (failed,) = [item for item in done["results"] if item["outcome"] == "failed"]
    assert (failed["user_id"], failed["error_code"], failed["attempts"]) == (people["carl"], "55P03", 3)


def test_a_pair_that_changed_since_the_plan_is_left_as_it_is(call: Call, planted: list[int], people: People) -> None:
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    path = f"/api/v1/users/{people['bob']}/progress/PLAYER"
    assert call("iris", "PUT", f"{path}/level", json={"new_level": 4}).status_code == 200
    done = apply(call, run)
    assert (done["synced_count"], done["skipped_count"]) == (3, 1)
    assert body(call("bob", "GET", path))["license_level"] == 4


def test_a_run_is_undone_and_the_undo_too(call: Call, planted: list[int], connection: Connection) -> None:
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    apply(call, run)
    repaired = levels(connection)
    listed = body(call("admin", "POST", f"{RUNS}/{run}/undo", json={"dry_run": True}))
    assert (listed["kind"], listed["undo_of"], listed["dry_run"], listed["issues_found"]) == ("undo", run, True, 4)
    assert levels(connection) == repaired
    begun = body(call("admin", "POST", f"{RUNS}/{run}/undo", json={"reason": "by mistake"}), 202)
    undone = apply(call, begun["run_id"])
    assert (undone["status"], undone["undo_of"], undone["synced_count"]) == ("success", run, 4)
    # A side that the repair made stays; the others go back to the level that was replaced.
    assert {row[1:] for row in levels(connection)} == {(5, 5), (3, 3)}
    assert desyncs(connection) == 0
    again = body(call("admin", "POST", f"{RUNS}/{undone['run_id']}/undo", json={}), 202)
    assert apply(call, again["run_id"])["status"] == "success"
    assert levels(connection) == repaired


def test_a_run_tells_who_planned_it_and_who_took_it_on_last(
    call: Call, planted: list[int], connection: Connection, people: People
) -> None:
    connection.execute("update lockstep.users set role = 'admin' where lower(name) in ('iris', 'joe')")
    run = body(call("admin", "POST", RUNS, json=UP), 201)
    assert (run["requested_by"], run["applied_by"], run["applied_role"]) == (people["admin"], None, None)
    for name in ("iris", "joe"):
        run = body(call(name, "POST", f"{RUNS}/{run['run_id']}/apply"), 202)
        assert (run["requested_by"], run["applied_by"]) == (people["admin"], people[name])
        assert (run["applied_role"], run["applied_application"]) == ("lockstep_admin", "lockstep-http")
    by = rows(connection, "select advanced_by from lockstep.license_progressions order by id")
    assert by == [(people["iris"],), (people["joe"],)]
    other = body(call("joe", "POST", f"{RUNS}/{run['run_id']}/undo", json={}), 409)
    assert other["sqlstate"] == "LS018"
    apply(call, run["run_id"])
    undone = body(call("joe", "POST", f"{RUNS}/{run['run_id']}/undo", json={}), 202)
    assert (undone["requested_by"], undone["applied_by"]) == (people["joe"], people["joe"])


def test_what_was_not_applied_cannot_be_undone(call: Call, planted: list[int]) -> None:
    run = body(call("admin", "POST", RUNS, json=UP), 201)["run_id"]
    assert body(call("admin", "POST", f"{RUNS}/{run}/undo", json={}), 409)["sqlstate"] == "LS018"
    for method, path in (("POST", "apply"), ("GET", "items")):
        assert body(call("admin", method, f"{RUNS}/999/{path}"), 404)["sqlstate"] == "LS015"
    assert body(call("admin", "POST", f"{RUNS}/999/undo", json={}), 404)["sqlstate"] == "LS015"
    assert body(call("admin", "GET", f"{RUNS}/999"), 404)["sqlstate"] == "LS015"


def test_the_same_key_gets_the_same_run(call: Call, planted: list[int], connection: Connection) -> None:
    keyed = {"headers": {"Idempotency-Key": "monday"}}
    first = body(call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}, **keyed), 202)
    # Repeated because the answer got lost: it goes on with that run.
    second = body(call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}, **keyed), 202)
    assert second["run_id"] == first["run_id"]
    assert desyncs(connection) == 2
    apply(call, first["run_id"])
    third = call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}, **keyed)
    assert (body(third)["run_id"], third.headers["Idempotent-Replayed"]) == (first["run_id"], "true")
    assert body(third)["status"] == "success"
    # For show is another request than in earnest.
    assert body(call("admin", "POST", SYNC_ALL, json=UP, **keyed), 409)["sqlstate"] == "LS007"
    plan = {"headers": {"Idempotency-Key": "tuesday"}}
    planned = [body(call("admin", "POST", RUNS, json=UP, **plan), 201)["run_id"] for _ in range(2)]
    assert planned[0] == planned[1] != first["run_id"]
    assert value(connection, "select count(*) from lockstep.runs") == 2


def test_runs_and_items_come_in_pages(call: Call, planted: list[int], people: People) -> None:
    narrow = [
        {**UP, "user_id": people["bob"]},
        {**UP, "limit": 2, "reason": "two of them"},
        {**UP, "specialization": "COACH"},
    ]
    made = [body(call("admin", "POST", RUNS, json=plan), 201) for plan in narrow]
    assert [run["issues_found"] for run in made] == [1, 2, 0]
    first = body(call("admin", "GET", f"{RUNS}?limit=2"))
    second = body(call("admin", "GET", f"{RUNS}?limit=2&after={first['next']}"))
    listed = [run["run_id"] for page in (first, second) for run in page["items"]]
    assert listed == [run["run_id"] for run in reversed(made)]
    assert second["next"] is None
    items = f"{RUNS}/{made[1]['run_id']}/items?limit=1"
    one = body(call("admin", "GET", items))
    two = body(call("admin", "GET", f"{items}&after={one['next']}"))
    assert [item["user_id"] for page in (one, two) for item in page["items"]] == planted[:2]
    assert two["next"] is None


def test_a_run_of_something_unknown_is_refused(call: Call, people: People) -> None:
    assert body(call("admin", "POST", RUNS, json={**UP, "specialization": "JUGGLER"}), 404)["sqlstate"] == "LS002"
    assert body(call("admin", "POST", RUNS, json={**UP, "user_id": 999999}), 404)["sqlstate"] == "LS001"
    for wrong in ({}, {"direction": "sideways"}, {**UP, "limit": 0}, {**UP, "requested_by": people["ann"]}):
        assert body(call("admin", "POST", RUNS, json=wrong), 422)["code"] == "invalid_request"


def test_an_admin_who_is_deactivated_stops_at_the_next_batch(
    app: Flask,
    call: Call,
    planted: list[int],
    connection: Connection,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app.extensions["lockstep"] = replace(app.extensions["lockstep"], run_budget=float("inf"))

    def deactivate(_: float) -> None:
        connection.execute("update lockstep.users set is_active = false where id = %s", [people["admin"]])

    monkeypatch.setattr("app.http.runs.sleep", deactivate)
    assert call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}).status_code == 401
    assert desyncs(connection) == 3


def test_health_has_its_shape(call: Call, planted: list[int], connection: Connection) -> None:
    assert body(call("admin", "GET", "/api/v1/health"))["status"] == "unknown"
    connection.execute("select lockstep.check_health()")
    found = body(call("admin", "GET", "/api/v1/health"))
    shape = ("status", "last_check", "consistency_rate", "total_checked", "total_violations", "requires_attention")
    assert set(shape) <= found.keys()
    assert (found["status"], found["total_checked"], found["total_violations"]) == ("critical", 4, 4)


def test_a_run_leaves_no_connection_busy(app: Flask, call: Call, planted: list[int]) -> None:
    body(call("admin", "POST", SYNC_ALL, json={**UP, "dry_run": False}), 202)
    pools: Database = app.extensions["lockstep.database"]
    stats = pools.pools["admin"].get_stats()
    assert stats["pool_size"] == stats["pool_available"]
