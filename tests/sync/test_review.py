"""What a review of the repair found: each of these was once otherwise."""

import json
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app import create_app, sync
from app.settings import Settings
from tests.pairs import (
    Connect,
    Connection,
    add_users,
    age,
    background,
    call,
    desyncs,
    levels,
    one,
    plant,
    refused,
    rows,
    update_level,
    value,
)
from tests.support import end_session, wait_until

LOGIN = "lockstep_test_admin_login"


def plan(connection: Connection, direction: str = "to_higher_level", **named: object) -> int:
    run: int = call(connection, "plan_sync", direction, **named).id
    return run


def apply(connection: Connection, run: int) -> None:
    connection.execute("call lockstep.apply_sync(%s)", [run])


def undo(connection: Connection, run: int) -> int:
    found: int = value(connection, "call lockstep.undo_sync(%s)", run)
    return found


def run_of(connection: Connection, run: int) -> Any:
    return one(connection, "select * from lockstep.runs where run_id = %s", run)


def outcomes(connection: Connection, run: int) -> dict[int, str]:
    found = rows(connection, "select user_id, outcome from lockstep.run_items where run_id = %s", run)
    return {item.user_id: item.outcome for item in found}


def suppress_updates(connection: Connection, table: str, key: str, user: int) -> None:
    """Have a trigger of somebody else swallow every update of one user's row."""
    connection.execute(
        "create or replace function public.swallow() returns trigger language plpgsql as"
        f" $$ begin if new.{key} = {user} then return null; end if; return new; end $$".encode()
    )
    connection.execute(
        f"create trigger swallow before update on lockstep.{table}"
        " for each row execute function public.swallow()".encode()
    )


@pytest.fixture
def planted(connection: Connection) -> Connection:
    """Users 1 to 3: progress 5, license 3."""
    add_users(connection, 1, 2, 3)
    for user in (1, 2, 3):
        plant(connection, 5, 3, user=user)
    return connection


# Plans and items ----------------------------------------------------------------------------------


def test_a_filter_on_the_view_reaches_the_indexes_of_both_tables(planted: Connection) -> None:
    planted.execute("set enable_seqscan = off")
    plan_text = "\n".join(
        text for (text,) in planted.execute("explain select * from lockstep.desync where user_id = 1").fetchall()
    )
    assert plan_text.count("Index Cond: (student_id = ") == 1
    assert plan_text.count("Index Cond: (user_id = ") == 1


def test_an_actor_who_does_not_exist_is_refused_before_anything_is_planned(planted: Connection) -> None:
    with refused("LS001"):
        plan(planted, requested_by=99)
    with refused("LS001"):
        call(planted, "sync_user", 1, "PLAYER", "to_higher_level", requested_by=99)
    run = plan(planted)
    apply(planted, run)
    with refused("LS001"):
        call(planted, "plan_undo", run, requested_by=99)
    assert value(planted, "select count(*) from lockstep.runs") == 1


def test_a_repair_that_a_trigger_swallows_is_one_failed_item(planted: Connection) -> None:
    suppress_updates(planted, "user_licenses", "user_id", 2)
    run = plan(planted)
    apply(planted, run)
    assert outcomes(planted, run) == {1: "synced", 2: "failed", 3: "synced"}
    assert levels(planted, 2) == (5, 3)
    assert value(planted, "select count(*) from lockstep.license_progressions where user_id = 2") == 0


def test_an_undo_that_a_trigger_swallows_does_not_take_the_others_with_it(planted: Connection) -> None:
    run = plan(planted)
    apply(planted, run)
    suppress_updates(planted, "user_licenses", "user_id", 2)
    undone = undo(planted, run)
    assert outcomes(planted, undone) == {1: "undone_in_step", 2: "failed", 3: "undone_in_step"}
    assert run_of(planted, undone).status == "partial_failure"
    assert levels(planted, 2) == (5, 5)


def test_a_column_that_came_after_the_plan_does_not_make_it_stale(planted: Connection) -> None:
    run = plan(planted)
    planted.execute("alter table lockstep.user_licenses add column house text not null default 'red'")
    apply(planted, run)
    assert set(outcomes(planted, run).values()) == {"synced"}


def test_an_undo_names_every_column_that_a_pair_has(connection: Connection) -> None:
    body = value(connection, "select prosrc from pg_proc where oid = 'lockstep.restore_pair'::regproc")
    kept = {"id", "student_id", "user_id", "specialization_id", "specialization_type", "current_level"}
    columns = rows(
        connection,
        """
        select attname as name from pg_attribute
        where attrelid in ('lockstep.specialization_progress'::regclass, 'lockstep.user_licenses'::regclass)
            and attnum > 0 and not attisdropped
        """,
    )
    names = {column.name for column in columns} - kept
    assert len(names) > 10
    assert not [name for name in names if f"{name} = " not in body]


def test_a_repair_of_one_user_leaves_the_lock_timeout_of_its_caller_alone(planted: Connection) -> None:
    with planted.transaction():
        planted.execute("set local lock_timeout = '7s'")
        assert call(planted, "sync_user", 1, "PLAYER", "to_higher_level").synced
        assert value(planted, "show lock_timeout") == "7s"


# Runs ---------------------------------------------------------------------------------------------


def test_an_interrupted_run_says_how_far_it_came(planted: Connection, connect: Connect) -> None:
    call(planted, "change_setting", "sync_batch_size", "1")
    call(planted, "change_setting", "sync_pause", "1 hour")
    run = plan(planted)
    worker = connect()
    with background(worker, "call lockstep.apply_sync(%s)", run) as applying:
        wait_until(planted, lambda: "synced" in outcomes(planted, run).values(), "the first batch is committed")
        end_session(planted, worker)
        with pytest.raises(psycopg.OperationalError):
            applying.result()
    planted.execute("select lockstep.fail_dead_runs()")
    found = run_of(planted, run)
    assert (found.status, found.issues_found, found.synced_count) == ("failed", 3, 1)


def test_a_run_that_an_undo_still_needs_outlives_its_retention(planted: Connection) -> None:
    run = plan(planted)
    apply(planted, run)
    undone = call(planted, "plan_undo", run).id
    age(planted, "sync_runs", "91 days", "job_start", where=f"id = {run}")
    assert value(planted, "select lockstep.purge_sync_runs()") == 0
    apply(planted, undone)
    assert set(outcomes(planted, undone).values()) == {"undone_in_step"}
    assert value(planted, "select lockstep.purge_sync_runs()") == 1


# Settings and health ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sync_batch_size", "0"),  # a run that never ends
        ("sync_batch_size", "-1"),
        ("sync_lock_timeout", "0"),  # no timeout at all
        ("sync_lock_timeout", "-5 ms"),
        ("sync_lock_timeout", "30 days"),
        ("sync_retention", "0"),
        ("sync_retention", "1000000 years"),
        ("sync_stalled_after", "-1 second"),
        ("idempotency_retention", "-1 day"),
        ("run_overdue_after", "100000 years"),
        ("sync_pause", "-1 ms"),
        ("health_range", "0"),
        ("health_range", "-5"),
        ("reconcile_direction", "sideways"),
    ],
)
def test_a_setting_refuses_a_value_that_would_stop_what_it_steers(connection: Connection, name: str, text: str) -> None:
    with refused("LS006"):
        call(connection, "change_setting", name, text)


def test_every_setting_accepts_the_value_that_it_comes_with(connection: Connection) -> None:
    for setting in rows(connection, "select name, value from lockstep.settings"):
        assert value(connection, "select lockstep.change_setting(%s, %s)", *setting) == setting.value


def test_sparse_ids_make_few_ranges_that_leave_nobody_out(connection: Connection) -> None:
    call(connection, "change_setting", "health_range", "10")
    add_users(connection, -3, 1, 2, 10**9, 10**15, 10**15 + 1)
    added = value(connection, "select lockstep.cover_users()")
    assert added < 20
    ranges = rows(connection, "select * from lockstep.ranges order by first_user_id")
    assert len(ranges) == added
    assert (ranges[0].first_user_id, ranges[-1].last_user_id >= 10**15 + 1) == (-3, True)
    assert all(one_.last_user_id + 1 == next_.first_user_id for one_, next_ in pairwise(ranges))


def test_a_check_that_is_as_old_as_a_missed_run_asks_for_attention(connection: Connection) -> None:
    call(connection, "check_health")
    assert not value(connection, "select requires_attention from lockstep.health")
    age(connection, "health_checks", "8 hours", "checked_at")
    assert value(connection, "select requires_attention from lockstep.health")


# The command line ---------------------------------------------------------------------------------


def test_every_command_works_for_a_login_that_is_only_a_member_of_lockstep_admin(
    planted: Connection, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(sync, "LOGS", tmp_path)
    planted.execute(f"create role {LOGIN} login password 'review' in role lockstep_admin".encode())
    try:
        runner = create_app(Settings(dsn=make_conninfo(database, user=LOGIN, password="review"))).test_cli_runner()
        codes = {
            line: runner.invoke(args=["sync", *line.split()]).exit_code
            for line in (
                *("find", "scan", "plan", "apply 1", "undo 1", "runs", "runs 1", "reconcile"),
                *("scan --max-age 0", "health", "health --no-check"),
            )
        }
    finally:
        planted.execute(f"drop role {LOGIN}".encode())
    assert codes == {"find": 1, "scan": 1, "plan": 1, **dict.fromkeys(list(codes)[3:], 0)}
    assert desyncs(planted) == 0


def test_a_run_that_failed_as_a_whole_ends_in_two(
    planted: Connection, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, connect: Connect
) -> None:
    monkeypatch.setattr(sync, "LOGS", tmp_path)
    planted.execute("update lockstep.settings set value = '0' where name = 'sync_pause'")
    holder = connect(autocommit=False)
    holder.execute("lock table lockstep.user_licenses in access exclusive mode")
    dsn = make_conninfo(database, options="-c lock_timeout=10ms")
    runner = create_app(Settings(dsn=dsn)).test_cli_runner()
    result = runner.invoke(args=["sync", "reconcile", "--json"])
    holder.rollback()
    assert json.loads(result.stdout)["status"] == "failed"
    assert result.exit_code == 2


def test_a_scan_refuses_an_age_below_nothing(database: str) -> None:
    """It would verify what it has just verified, for ever."""
    runner = create_app(Settings(dsn=database)).test_cli_runner()
    assert runner.invoke(args=["sync", "scan", "--max-age", "-1"]).exit_code == 2


def test_an_infinite_or_ancient_time_is_no_change(planted: Connection) -> None:
    update_level(planted, 1, "PLAYER", 5)
    plant(planted, 5, 3, user=1)
    planted.execute(
        "update lockstep.specialization_progress set last_activity = 'infinity', created_at = '0044-03-15 BC'"
        " where student_id = 1"
    )
    run = plan(planted)
    apply(planted, run)
    assert outcomes(planted, run)[1] == "synced"
    assert set(outcomes(planted, undo(planted, undo(planted, run))).values()) == {"undone"}
