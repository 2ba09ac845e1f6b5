"""Runs in the background: one at a time, resumed after a kill, never against live traffic (D5, D7 to D11)."""

import threading
from typing import Any

import psycopg
import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    age,
    background,
    call,
    desyncs,
    one,
    plant,
    rows,
    rules_off,
    value,
)
from tests.support import end_session, wait_until


def plant_many(connection: Connection, count: int) -> None:
    """Users 1 to count, all at progress 3 and license 1."""
    connection.execute(
        "insert into lockstep.users (id, email)"
        " select n, format('s%%s@example.org', n) from generate_series(1, %s) as n",
        [count],
    )
    with rules_off(connection):
        connection.execute(
            "insert into lockstep.specialization_progress (student_id, specialization_id, current_level)"
            " select n, 'PLAYER', 3 from generate_series(1, %s) as n",
            [count],
        )
        connection.execute(
            "insert into lockstep.user_licenses (user_id, specialization_type, current_level, max_achieved_level)"
            " select n, 'PLAYER', 1, 1 from generate_series(1, %s) as n",
            [count],
        )


def set_(connection: Connection, name: str, text: str) -> None:
    connection.execute("select lockstep.change_setting(%s, %s)", [name, text])


def run_of(connection: Connection, run: int) -> Any:
    return one(connection, "select * from lockstep.runs where run_id = %s", run)


def synced(connection: Connection) -> int:
    found: int = value(connection, "select count(*) from lockstep.sync_run_items where outcome = 'synced'")
    return found


def test_reconcile_heals_everything_and_is_recorded(connection: Connection) -> None:
    plant_many(connection, 30)
    run = run_of(connection, value(connection, "call lockstep.reconcile()"))
    assert (run.status, run.issues_found, run.synced_count, run.scheduled) == ("success", 30, 30, True)
    assert desyncs(connection) == 0


def test_a_second_run_while_one_is_under_way_is_recorded_as_skipped(connection: Connection, connect: Connect) -> None:
    plant_many(connection, 30)
    set_(connection, "sync_batch_size", "1")
    set_(connection, "sync_pause", "1 hour")
    worker = connect()
    with background(worker, "call lockstep.reconcile()"):
        wait_until(connection, lambda: synced(connection) == 1, "the first batch is committed")
        second = connect()
        second.execute("set statement_timeout = '60s'")
        run = run_of(connection, value(second, "call lockstep.reconcile()"))
        assert (run.status, run.synced_count) == ("skipped", 0)
        # A run of one user passes.
        plant(connection, 2, 1, user=1)
        assert call(connection, "sync_user", 1, "PLAYER", "to_higher_level").synced


def test_a_run_killed_in_the_middle_is_resumed_with_nothing_done_twice(
    connection: Connection, connect: Connect
) -> None:
    plant_many(connection, 30)
    set_(connection, "sync_batch_size", "1")
    set_(connection, "sync_pause", "1 hour")
    run = call(connection, "plan_sync", "to_higher_level").id
    worker = connect()
    with background(worker, "call lockstep.apply_sync(%s)", run) as applying:
        wait_until(connection, lambda: synced(connection) == 1, "the first batch is committed")
        end_session(connection, worker)
        with pytest.raises(psycopg.OperationalError):
            applying.result()
    set_(connection, "sync_pause", "0")
    connection.execute("call lockstep.apply_sync(%s)", [run])
    assert run_of(connection, run).synced_count == 30
    assert desyncs(connection) == 0
    changes = rows(connection, "select user_id, count(*) from lockstep.license_progressions group by user_id")
    assert sorted(changes) == [(user, 1) for user in range(1, 31)]


def test_somebody_else_may_not_join_a_run_at_work(connection: Connection, connect: Connect) -> None:
    plant_many(connection, 30)
    set_(connection, "sync_batch_size", "1")
    set_(connection, "sync_pause", "1 hour")
    run = call(connection, "plan_sync", "to_higher_level").id
    with background(connect(), "call lockstep.apply_sync(%s)", run):
        wait_until(connection, lambda: synced(connection) == 1, "the first batch is committed")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("call lockstep.apply_sync(%s)", [run])
        assert refused.value.sqlstate == "LS017"


def test_a_dead_run_does_not_block_the_next_and_says_that_it_was_interrupted(
    connection: Connection, connect: Connect
) -> None:
    plant_many(connection, 30)
    set_(connection, "sync_batch_size", "1")
    set_(connection, "sync_pause", "1 hour")
    worker = connect()
    with background(worker, "call lockstep.reconcile()") as applying:
        wait_until(connection, lambda: synced(connection) == 1, "the first batch is committed")
        end_session(connection, worker)
        with pytest.raises(psycopg.OperationalError):
            applying.result()
    set_(connection, "sync_pause", "0")
    run = run_of(connection, value(connection, "call lockstep.reconcile()"))
    assert (run.status, run.synced_count) == ("success", 29)
    assert run_of(connection, run.run_id - 1).status == "failed"


def test_a_repair_overwrites_no_newer_write_of_live_traffic(connection: Connection, connect: Connect) -> None:
    pairs, awards = 400, 3000
    plant_many(connection, pairs)
    set_(connection, "sync_batch_size", "20")
    failures: list[Exception] = []

    def award(writer: Connection, first: int) -> None:
        try:
            for n in range(first, awards, 4):
                writer.execute("select lockstep.level_up(%s, 'PLAYER', 1)", [1 + n * 7 % pairs])
        except Exception as error:
            failures.append(error)

    writers = [threading.Thread(target=award, args=(connect("lockstep_app"), n)) for n in range(4)]
    for writer in writers:
        writer.start()
    runs = [value(connection, "call lockstep.reconcile()") for _ in range(3)]
    for writer in writers:
        writer.join()
    runs.append(value(connection, "call lockstep.reconcile()"))
    assert not failures
    assert value(connection, "select sum(total_xp) from lockstep.specialization_progress") == awards
    assert desyncs(connection) == 0
    summaries = [run_of(connection, run) for run in runs]
    assert sum(run.synced_count for run in summaries) == pairs
    assert sum(run.failed_count for run in summaries) + sum(run.skipped_count for run in summaries) == sum(
        run.issues_found - run.synced_count for run in summaries
    )


def test_a_plan_that_fails_for_what_passes_is_tried_three_times_and_recorded(
    connection: Connection, connect: Connect
) -> None:
    """A view that somebody holds: the plan waits for it, and gives up at its lock timeout."""
    plant_many(connection, 3)
    set_(connection, "sync_pause", "1ms")
    holder = connect(autocommit=False)
    holder.execute("lock table lockstep.specialization_progress in access exclusive mode")
    worker = connect()
    worker.execute("set lock_timeout = '20ms'")
    run = run_of(connection, value(worker, "call lockstep.reconcile()"))
    holder.rollback()
    assert (run.status, run.scheduled, run.issues_found) == ("failed", True, 0)
    assert value(connection, "select count(*) from lockstep.runs") == 1
    again = run_of(connection, value(worker, "call lockstep.reconcile()"))
    assert (again.status, again.synced_count) == ("success", 3)


def test_runs_past_their_retention_are_purged_with_their_items(connection: Connection) -> None:
    plant_many(connection, 3)
    connection.execute("call lockstep.reconcile()")
    age(connection, "sync_runs", "91 days", "job_start")
    connection.execute("call lockstep.reconcile()")
    assert value(connection, "select count(*) from lockstep.runs") == 1
    assert value(connection, "select count(*) from lockstep.run_items") == 0


def test_the_report_of_a_run_has_its_shape(connection: Connection) -> None:
    plant_many(connection, 2)
    connection.execute("call lockstep.reconcile()")
    report = value(connection, "select report from lockstep.run_reports")
    assert set(report) == {
        "run_id", "status", "dry_run", "direction", "job_start", "job_end", "duration_seconds", "issues_found",
        "synced_count", "failed_count", "skipped_count", "results",
    }  # fmt: skip
    assert [item["user_id"] for item in report["results"]] == [1, 2]


# Health -------------------------------------------------------------------------------------------


def health(connection: Connection) -> Any:
    return one(connection, "select * from lockstep.health")


def test_health_is_unknown_before_the_first_check(connection: Connection) -> None:
    found = health(connection)
    assert (found.status, found.last_check, found.requires_attention) == ("unknown", None, True)


@pytest.mark.parametrize(
    ("broken", "status", "rate"), [(0, "healthy", 100), (2, "healthy", 99), (3, "degraded", 98.5), (10, "degraded", 95),
                                   (11, "critical", 94.5)],
)  # fmt: skip
def test_health_follows_the_share_of_pairs_in_step(
    connection: Connection, broken: int, status: str, rate: float
) -> None:
    plant_many(connection, 200)
    with rules_off(connection):
        connection.execute("update lockstep.user_licenses set current_level = 3, max_achieved_level = 3")
        connection.execute("update lockstep.user_licenses set current_level = 2 where user_id <= %s", [broken])
    call(connection, "check_health")
    found = health(connection)
    assert (found.status, float(found.consistency_rate)) == (status, rate)
    assert (found.total_checked, found.total_violations) == (200, broken)
    assert found.requires_attention == (broken > 0)


def test_ranges_are_read_in_turn_and_the_oldest_look_is_honest(connection: Connection) -> None:
    set_(connection, "health_range", "10")
    set_(connection, "health_budget", "0")
    plant_many(connection, 25)
    first = call(connection, "check_health")
    assert (first.total_checked, first.oldest_unverified) == (9, None)
    call(connection, "check_health")
    third = call(connection, "check_health")
    assert (third.total_checked, third.total_violations) == (25, 25)
    assert third.oldest_unverified is not None
    oldest = call(connection, "check_health").oldest_unverified
    assert oldest > third.oldest_unverified


def test_no_run_for_seven_hours_is_visible(connection: Connection) -> None:
    connection.execute("call lockstep.reconcile()")
    assert not health(connection).run_overdue
    age(connection, "sync_runs", "7 hours 1 second", "job_end")
    assert health(connection).run_overdue
    assert health(connection).requires_attention


def test_a_broken_guard_asks_for_attention(connection: Connection) -> None:
    call(connection, "check_health")
    assert not health(connection).requires_attention
    connection.execute("alter table lockstep.user_licenses disable trigger mirror_update")
    assert health(connection).requires_attention
    assert (health(connection).broken_guards, health(connection).message.split("; ")[-1]) == (1, "1 guard broken")
    plant(connection, 3, 1, user=1)
    call(connection, "check_health")
    assert health(connection).message.split("; ")[0] == "1 pair out of step"


def test_settings_refuse_what_they_cannot_read(connection: Connection) -> None:
    for name, text, code in [
        ("sync_pause", "soon", "22007"),
        ("health_range", "x", "22P02"),
        ("nothing", "1", "LS006"),
    ]:
        with pytest.raises(psycopg.Error) as refused:
            set_(connection, name, text)
        assert refused.value.sqlstate == code
    assert value(connection, "select lockstep.change_setting('sync_pause', '5ms')") == "10ms"


def test_add_users_is_covered_by_ranges_as_they_come(connection: Connection) -> None:
    set_(connection, "health_range", "10")
    call(connection, "check_health")
    add_users(connection, *range(1, 36))
    assert value(connection, "select lockstep.cover_users()") == 3
    assert value(connection, "select lockstep.cover_users()") == 0
