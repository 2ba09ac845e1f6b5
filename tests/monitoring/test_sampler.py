"""Each threshold that is reached is recorded with its cause, once, for as long as it lasts (G4)."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from app import create_app
from app.settings import PROJECT, Settings
from tests.monitoring.conftest import Chain, run_slower
from tests.pairs import Connect, Connection, background, call, refused, rows, value
from tests.support import DEADLINE, wait_until, wait_until_blocked


def change(connection: Connection, **settings: str) -> None:
    for name, wanted in settings.items():
        connection.execute("select lockstep.change_setting(%s, %s)", [name, wanted])


def sample(connection: Connection) -> Any:
    return call(connection, "sample_monitoring")


def breaches(connection: Connection, kind: str) -> list[Any]:
    return rows(connection, "select * from lockstep.threshold_breaches where kind = %s order by breach_id", kind)


def incidents(connection: Connection, kind: str) -> list[tuple[str, bool]]:
    """Subject, and whether it is open."""
    return [
        (row.subject, row.is_open)
        for row in rows(
            connection,
            "select subject, closed_at is null as is_open from lockstep.incidents where kind = %s order by incident_id",
            kind,
        )
    ]


def answered(connection: Connection, requests: int, errors: int = 0, conflicts: int = 0, **codes: int) -> None:
    call(connection, "note_requests", "a:1", requests, errors, conflicts, 0, Jsonb(codes))


def test_a_quiet_database_has_a_sample_and_no_breach(connection: Connection) -> None:
    seen = sample(connection)
    assert (seen.connections, seen.active, seen.waiting, seen.requests, seen.lock_breaches) == (1, 1, 0, 0, 0)
    assert rows(connection, "select * from lockstep.threshold_breaches") == []
    assert value(connection, "select count(*) from lockstep.samples") == 1


def test_too_many_connections_are_recorded_with_who_holds_them(connection: Connection, connect: Connect) -> None:
    change(connection, connections_limit="4")
    held = [connect(application_name="greedy") for _ in range(3)]
    held[0].execute("begin")
    sample(connection)
    (breach,) = breaches(connection, "connections")
    assert (breach.measured, breach.threshold, breach.ended_at) == (4, 4, None)
    (greedy,) = [one for one in breach.cause["held_by"] if one["application"] == "greedy"]
    assert (greedy["total"], greedy["idle"], greedy["idle_in_transaction"]) == (3, 2, 1)
    database = value(connection, "select current_database()")
    assert incidents(connection, "connections") == [(database, True)]
    held.append(connect(application_name="greedy"))
    sample(connection)
    (breach,) = breaches(connection, "connections")
    assert (breach.measured, breach.samples, breach.ended_at) == (5, 2, None)
    change(connection, connections_limit="60")
    sample(connection)
    (breach,) = breaches(connection, "connections")
    assert (breach.measured, breach.samples) == (5, 2)
    assert breach.ended_at > breach.last_seen_at
    assert incidents(connection, "connections") == [(database, False)]


def test_a_wait_is_recorded_with_the_chain_and_who_blocks_it(chain: Chain, connection: Connection) -> None:
    over = "select count(*) = 2 from lockstep.lock_waits where waited > '2 ms'"
    wait_until(connection, lambda: value(connection, over), "both have waited for 2 ms")
    change(connection, lock_budget="1 ms")
    assert sample(connection).waiting == 2
    (breach,) = breaches(connection, "lock_wait")
    assert (breach.subject, breach.threshold) == (f"server process {chain.root}", 1)
    assert breach.measured > 2
    blocker = breach.cause["blocker"]
    assert (blocker["pid"], blocker["state"]) == (chain.root, "idle in transaction")
    assert blocker["application"] == "forgotten editor"
    assert "update lockstep.user_licenses" in blocker["query"]
    assert [wait["chain"] for wait in breach.cause["waits"]] == [
        [chain.root, chain.second],
        [chain.root, chain.second, chain.third],
    ]
    assert {wait["relation"] for wait in breach.cause["waits"]} == {"lockstep.specialization_progress"}
    assert [wait["application"] for wait in breach.cause["waits"]] == ["import", "web"]
    # What is kept says of no user that it was about them.
    text = json.dumps(breach.cause)
    assert "a word" not in text
    assert "level_up(?" in text
    assert [open for _, open in incidents(connection, "lock_wait")] == [True]
    chain.holder.execute("rollback")
    wait_until(connection, lambda: not rows(connection, "select from lockstep.lock_waits"), "nobody waits")
    sample(connection)
    assert breaches(connection, "lock_wait")[0].ended_at is not None
    assert [open for _, open in incidents(connection, "lock_wait")] == [False]


def test_a_wait_within_the_budget_is_no_breach(chain: Chain, connection: Connection) -> None:
    change(connection, lock_budget="1 h")
    assert sample(connection).waiting == 2
    assert breaches(connection, "lock_wait") == []


def test_waits_that_were_given_up_between_two_looks_are_a_breach(chain: Chain, connection: Connection) -> None:
    change(connection, lock_budget="1 h")
    noted = value(connection, "select lockstep.note_lock_breach(1, 'PLAYER', 'client', '2 h')")
    assert noted == chain.root
    assert [sample(connection).lock_breaches for _ in range(2)] == [1, 0]
    (breach,) = breaches(connection, "lock_wait")
    assert (breach.subject, breach.measured, breach.samples, breach.ended_at) == ("given up", 7_200_000, 2, None)
    (wait,) = breach.cause["newest"]
    assert (wait["blocker_pid"], wait["blocker_application"]) == (chain.root, "forgotten editor")
    assert "user_id" not in wait
    assert "a word" not in wait["blocker_query"]
    change(connection, breach_window="1 microsecond")
    sample(connection)
    assert breaches(connection, "lock_wait")[0].ended_at is not None


def test_errors_beyond_the_rate_are_recorded_with_their_codes_and_conflicts_are_none(connection: Connection) -> None:
    answered(connection, 1000, errors=9, conflicts=500, internal=9, stale_version=500)
    seen = sample(connection)
    assert (seen.requests, seen.errors, seen.conflicts) == (1000, 9, 500)
    assert breaches(connection, "error_rate") == []
    answered(connection, 1000, errors=11, database_unavailable=11)
    assert sample(connection).errors == 11
    (breach,) = breaches(connection, "error_rate")
    assert (breach.subject, breach.measured, breach.threshold) == ("http", 1, 1)
    assert breach.cause["codes"] == {"internal": 9, "stale_version": 500, "database_unavailable": 11}
    assert (breach.cause["requests"], breach.cause["conflicts"]) == (2000, 500)
    assert incidents(connection, "error_rate") == [("http", True)]


def test_a_few_requests_are_no_rate(connection: Connection) -> None:
    answered(connection, 99, errors=99)
    sample(connection)
    assert breaches(connection, "error_rate") == []


def test_a_statement_that_got_slower_is_recorded(connection: Connection) -> None:
    connection.execute("create extension pg_stat_statements schema public")
    change(connection, regression_calls="1")
    connection.execute("select pg_sleep(0.0) as marked")
    connection.execute("select lockstep.keep_statement_baseline()")
    run_slower(connection)
    sample(connection)
    (breach,) = [found for found in breaches(connection, "statement_regression") if "marked" in found.cause["query"]]
    assert breach.measured > breach.threshold == 2
    assert breach.cause["mean_ms_since"] > max(20, 2 * breach.cause["baseline_mean_ms"])
    connection.execute("select lockstep.keep_statement_baseline()")
    sample(connection)
    assert all(found.ended_at is not None for found in breaches(connection, "statement_regression"))


def test_the_job_of_every_five_minutes_samples_and_survives_what_cannot_be_sampled(connection: Connection) -> None:
    connection.execute("call lockstep.watch()")
    assert value(connection, "select count(*) from lockstep.samples") == 1
    connection.execute("alter table lockstep.breach_records rename to away")
    connection.execute("call lockstep.watch()")
    assert value(connection, "select count(*) from lockstep.samples") == 1
    assert value(connection, "select count(*) from lockstep.health_checks") == 2


def test_two_samplers_at_once_take_turns_and_count_everything_once(connection: Connection, connect: Connect) -> None:
    change(connection, connections_limit="1")
    answered(connection, 10)
    first, second = connect(), connect()
    first.execute("begin")
    assert sample(first).requests == 10
    with background(second, "select * from lockstep.sample_monitoring()") as future:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        (other,) = future.result()
    assert other.requests == 0
    (breach,) = breaches(connection, "connections")
    assert breach.samples == 2
    assert len(incidents(connection, "connections")) == 1


def test_what_is_past_its_retention_goes_and_a_breach_that_goes_on_stays(connection: Connection) -> None:
    change(connection, connections_limit="1")
    answered(connection, 10)
    for _ in range(2):
        sample(connection)
    change(connection, connections_limit="60")
    connection.execute(
        """
        update lockstep.monitoring_samples set sampled_at = now() - interval '8 days' where id = 1;
        update lockstep.request_counts set noted_at = now() - interval '8 days';
        update lockstep.breach_records set last_seen_at = now() - interval '31 days';
        insert into lockstep.breach_records (kind, subject, last_seen_at, ended_at, measured, threshold, cause)
        select 'error_rate', 'http', now() - age, now() - age, 1, 1, '{}'
        from unnest(array[interval '31 days', interval '29 days']) as age
        """
    )
    assert value(connection, "select lockstep.purge_monitoring()") == 3
    assert value(connection, "select count(*) from lockstep.samples") == 1
    assert len(breaches(connection, "connections")) == len(breaches(connection, "error_rate")) == 1


@pytest.mark.parametrize("role", ["lockstep_app", "lockstep_readonly"])
def test_only_an_admin_samples(connect: Connect, role: str) -> None:
    with refused("42501"):
        sample(connect(role))


# The command ----------------------------------------------------------------------------------


def test_one_look_is_printed_as_json(database: str, connection: Connection) -> None:
    answered(connection, 7, errors=1)
    result = create_app(Settings(dsn=database)).test_cli_runner().invoke(args=["monitor", "--once", "--json"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert (printed["requests"], printed["errors"], printed["longest_wait"]) == (7, 1, 0)
    assert value(connection, "select count(*) from lockstep.samples") == 1


def test_a_look_that_cannot_be_taken_fails(database: str, connection: Connection) -> None:
    runner = create_app(Settings(dsn=database)).test_cli_runner()
    connection.execute("drop function lockstep.sample_monitoring()")
    assert runner.invoke(args=["monitor", "--once"]).exit_code == 2


def test_the_loop_looks_again_and_again_and_ends_when_it_is_told(
    database: str, connection: Connection, admin: Connection
) -> None:
    command = [sys.executable, "-m", "flask", "--app", "app", "monitor", "--interval", "0.1"]
    process = subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, "LOCKSTEP_DSN": database}, stdout=subprocess.DEVNULL
    )
    try:
        count = "select count(*) from lockstep.samples"
        wait_until(connection, lambda: value(connection, count) >= 2, "two samples are there")
        # The server ends its session: it comes back.
        session = "from pg_stat_activity where datname = %s and application_name = 'lockstep'"
        admin.execute(f"select pg_terminate_backend(pid) {session}", [connection.info.dbname])
        before = value(connection, count)
        wait_until(connection, lambda: value(connection, count) >= before + 2, "it goes on")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
