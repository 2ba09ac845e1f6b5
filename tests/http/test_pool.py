"""Connections: how many, who waits for one, and what becomes of a call whose connection breaks."""

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import count as count_from
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import requests
from flask import Flask
from psycopg_pool import ConnectionPool
from werkzeug.serving import make_server

from app import create_app, logins
from app.http import database as calls
from app.http import service
from app.settings import Settings
from tests.http.conftest import POOLS, THROUGH_POOLER, Call, Connection, People
from tests.pairs import Connect
from tests.support import DEADLINE, NEVER, SERVER_SETTINGS, wait_until
from tests.torture.scratch import build, scratch_server

SIZE = 2

OURS = "from pg_stat_activity where application_name = 'lockstep-http' and datname = current_database()"

Ask = Callable[..., "Future[requests.Response]"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two connections, one that waits, and quick to shrink."""
    return replace(settings, pools=replace(POOLS, size=(0, SIZE), waiting=1, max_idle=0.3))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch, connection: Connection) -> None:
    """Let a transaction wait for a lock for as long as a test looks on, for who is calling and after that."""
    monkeypatch.setitem(calls.TIMEOUTS, "lock_timeout", NEVER)
    connection.execute("select lockstep.change_setting('lock_budget', %s)", [NEVER])


@pytest.fixture
def persistent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call be run again for as long as a test looks on, after pauses that are as short as usual."""
    monkeypatch.setattr(calls, "RETRY_BUDGET", DEADLINE)
    monkeypatch.setattr(calls, "random", SimpleNamespace(uniform=lambda least, most: min(most, 0.5)))


@pytest.fixture
def pool(app: Flask) -> ConnectionPool[Any]:
    found: ConnectionPool[Any] = app.extensions["lockstep.database"].pools["app"]
    return found


@pytest.fixture
def ask(app: Flask, tokens: Callable[[str], str], people: People) -> Iterator[Ask]:
    """Have Iris ask something about ann of a real server, in a thread: ask("GET", "/PLAYER/…", json=…)."""
    headers = {"Authorization": f"Bearer {tokens('iris')}"}
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, args=[0.02])
    serving.start()
    with ThreadPoolExecutor(16) as threads:

        def ask(method: str, path: str = "", **options: Any) -> "Future[requests.Response]":
            address = f"http://127.0.0.1:{server.server_port}/api/v1/users/{people['ann']}/progress{path}"
            return threads.submit(requests.request, method, address, headers=headers, timeout=2 * DEADLINE, **options)

        yield ask
    server.shutdown()
    serving.join()
    server.server_close()


def count(connection: Connection, condition: str = "true") -> int:
    """How many connections of the service there are."""
    row = connection.execute(f"select count(*) {OURS} and {condition}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def available(pool: ConnectionPool[Any]) -> tuple[int, int]:
    """How many connections nobody has, and how many there are."""
    stats = pool.get_stats()
    return stats["pool_available"], stats["pool_size"]


def wait_for_blocked(connection: Connection, blocked: int = 1) -> None:
    wait_until(connection, lambda: count(connection, "wait_event_type = 'Lock'") == blocked, f"{blocked} wait")


def occupied(ask: Ask, connection: Connection) -> list["Future[requests.Response]"]:
    """Have every connection of the pool wait for a lock, one after the other."""
    served = []
    for number in range(SIZE):
        served.append(ask("GET"))
        wait_for_blocked(connection, number + 1)
    return served


@pytest.mark.usefixtures("patient")
def test_one_more_than_the_pool_waits_the_next_is_refused_and_all_connections_go_away(
    ask: Ask, pool: ConnectionPool[Any], connection: Connection, connect: Connect
) -> None:
    with connect() as holder, holder.transaction():
        holder.execute("lock table lockstep.sessions in access exclusive mode")
        served = occupied(ask, connection)
        served.append(ask("GET"))
        wait_until(connection, lambda: pool.get_stats()["requests_waiting"] == 1, "one waits for a connection")
        assert count(connection) == SIZE
        refused = ask("GET").result()
    assert (refused.status_code, refused.json()["code"]) == (503, "pool_exhausted")
    assert int(refused.headers["Retry-After"]) > 0
    assert [answer.result().status_code for answer in served] == [200, 200, 200]
    wait_until(connection, lambda: pool.get_stats()["pool_size"] == 0, "the pool is as small as it was")
    # PgBouncer keeps its own for the next.
    wait_until(connection, lambda: THROUGH_POOLER or count(connection) == 0, "its connections are gone")


@pytest.mark.usefixtures("patient")
def test_a_pool_that_still_grows_refuses_nobody_whom_it_has_a_connection_for(
    ask: Ask, pool: ConnectionPool[Any], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_connect, opening = threading.Event(), pool._connect

    def hold_back(timeout: float | None = None) -> Any:
        assert may_connect.wait(DEADLINE)
        return opening(timeout)

    monkeypatch.setattr(pool, "_connect", hold_back)
    served = [ask("GET") for _ in range(SIZE + 1)]
    wait_until(connection, lambda: pool.get_stats().get("requests_waiting") == SIZE + 1, "all wait for a connection")
    refused = ask("GET").result()
    assert (refused.status_code, refused.json()["code"]) == (503, "pool_exhausted")
    assert pool.get_stats()["requests_errors"] == 1
    may_connect.set()
    assert [answer.result().status_code for answer in served] == [200] * (SIZE + 1)
    # Every place is free again.
    assert [ask("GET").result().status_code for _ in range(2 * SIZE)] == [200] * 2 * SIZE


@pytest.mark.usefixtures("patient")
def test_who_waits_for_too_long_is_told_to_come_again(
    ask: Ask, pool: ConnectionPool[Any], connection: Connection, connect: Connect
) -> None:
    with connect() as holder, holder.transaction():
        holder.execute("lock table lockstep.sessions in access exclusive mode")
        served = occupied(ask, connection)
        pool.timeout = 0.2
        refused = ask("GET").result()
    assert (refused.status_code, refused.json()["code"], refused.json()["retry"]) == (503, "pool_exhausted", True)
    assert int(refused.headers["Retry-After"]) > 0
    assert [answer.result().status_code for answer in served] == [200, 200]


def test_a_connection_that_broke_in_the_pool_is_not_given_to_anybody(
    ask: Ask, pool: ConnectionPool[Any], connection: Connection
) -> None:
    assert ask("GET").result().status_code == 200
    pool.resize(1, SIZE)
    wait_until(connection, lambda: available(pool) == (1, 1), "the pool keeps one")
    connection.execute(f"select pg_terminate_backend(pid) {OURS}".encode())
    wait_until(connection, lambda: count(connection) == 0, "it is broken")
    # Nobody has used it since, so the pool takes it for whole.
    assert available(pool) == (1, 1)
    assert ask("GET").result().status_code == 200


@pytest.mark.usefixtures("patient")
def test_a_connection_that_breaks_in_a_call_is_a_503_and_nothing_was_done(
    ask: Ask, connection: Connection, connect: Connect, people: People
) -> None:
    assert ask("POST", "/PLAYER/xp", json={"xp_gained": 1}).result().status_code == 200
    with connect() as holder, holder.transaction():
        holder.execute("select from lockstep.specialization_progress for update")
        lost = ask("POST", "/PLAYER/xp", json={"xp_gained": 1})
        wait_for_blocked(connection)
        connection.execute(f"select pg_terminate_backend(pid) {OURS}".encode())
        answer = lost.result()
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (503, "database_unavailable", True)
    assert ask("POST", "/PLAYER/xp", json={"xp_gained": 1}).result().json()["progress"]["total_xp"] == 2


@pytest.mark.usefixtures("patient")
def test_a_connection_that_breaks_while_it_commits_is_a_500_that_promises_nothing(
    ask: Ask, connection: Connection, connect: Connect
) -> None:
    connection.execute(
        """
        create function public.wait() returns trigger language plpgsql as
        $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
        grant execute on function public.wait() to public;
        create constraint trigger wait after insert on lockstep.specialization_progress
        deferrable initially deferred for each row execute function public.wait()
        """
    )
    with connect() as holder, holder.transaction():
        holder.execute("select pg_advisory_xact_lock(1)")
        lost = ask("POST", "/PLAYER/xp", json={"xp_gained": 1})
        wait_for_blocked(connection)
        connection.execute(f"select pg_terminate_backend(pid) {OURS}".encode())
        answer = lost.result()
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (500, "outcome_unknown", False)
    assert "Retry-After" not in answer.headers


@pytest.mark.usefixtures("persistent")
def test_a_call_that_meets_a_lock_is_run_again_until_it_is_free(
    ask: Ask, connection: Connection, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ask("POST", "/PLAYER/xp", json={"xp_gained": 1}).result()
    with connect() as holder, holder.transaction():
        holder.execute("select from lockstep.specialization_progress for update")
        asked = ask("POST", "/PLAYER/xp", json={"xp_gained": 1})
        wait_for_blocked(connection)
        # Its lock_timeout has passed once it waits in another transaction than before.
        first = transaction_begun(connection)
        wait_until(connection, lambda: transaction_begun(connection) not in (first, None), "it is run again")
    assert asked.result().json()["progress"]["total_xp"] == 2
    assert retries(caplog) >= 1


def test_a_call_that_meets_a_lock_for_too_long_is_a_503_with_the_reason(
    ask: Ask,
    connection: Connection,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(calls, "RETRY_BUDGET", 0.5)
    # A clock that goes on by 120 ms whenever somebody looks at it: once more, and then it is too long.
    monkeypatch.setattr(calls, "time", SimpleNamespace(monotonic=count_from(0, 0.12).__next__, sleep=time.sleep))
    ask("POST", "/PLAYER/xp", json={"xp_gained": 1}).result()
    with connect() as holder, holder.transaction():
        holder.execute("select from lockstep.specialization_progress for update")
        blocker = holder.info.backend_pid
        answer = ask("POST", "/PLAYER/xp", json={"xp_gained": 1}).result()
    assert (answer.status_code, answer.json()["sqlstate"]) == (503, "55P03")
    assert int(answer.headers["Retry-After"]) > 0
    assert retries(caplog) == 2
    breaches = connection.execute(
        "select source, specialization_id, blocker_pid, waited >= '100 ms' from lockstep.breaches"
    ).fetchall()
    assert breaches == [("http", "PLAYER", blocker, True)]


def test_a_lock_is_waited_for_as_long_as_the_setting_lock_budget_says(
    ask: Ask, connection: Connection, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ask("POST", "/PLAYER/xp", json={"xp_gained": 1}).result()
    connection.execute("select lockstep.change_setting('lock_budget', %s)", [NEVER])
    longer_than_usual = "select exists (select from lockstep.lock_waits where waited > interval '300 ms')"
    with connect() as holder, holder.transaction():
        holder.execute("select from lockstep.specialization_progress for update")
        asked = ask("POST", "/PLAYER/xp", json={"xp_gained": 1})
        wait_until(connection, lambda: connection.execute(longer_than_usual).fetchone() == (True,), "it waits on")
    assert asked.result().json()["progress"]["total_xp"] == 2
    assert retries(caplog) == 0
    assert connection.execute("select count(*) from lockstep.breaches").fetchone() == (0,)


@pytest.mark.usefixtures("persistent")
def test_a_breach_that_cannot_be_recorded_is_logged_and_keeps_nobody(
    ask: Ask, connection: Connection, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ask("POST", "/PLAYER/xp", json={"xp_gained": 1}).result()
    connection.execute("revoke execute on function lockstep.note_lock_breach from lockstep_app")
    with connect() as holder, holder.transaction():
        holder.execute("select from lockstep.specialization_progress for update")
        asked = ask("POST", "/PLAYER/xp", json={"xp_gained": 1})
        wait_until(connection, lambda: any("breach" in record.message for record in caplog.records), "it is logged")
    assert asked.result().json()["progress"]["total_xp"] == 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/PLAYER/xp", {"xp_gained": 1}, 200),
        ("/PLAYER/xp?dry_run=true", {"xp_gained": 1}, 200),
        ("/NO/xp", {"xp_gained": 1}, 404),
    ],
)
def test_a_transaction_leaves_neither_role_nor_timeouts_to_the_next_client(
    call: Call,
    settings: Settings,
    pool: ConnectionPool[Any],
    people: People,
    path: str,
    body: dict[str, int],
    status: int,
) -> None:
    show = (
        "select pg_backend_pid(), current_setting('role'), current_setting('statement_timeout'),"
        " current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
    )
    assert call("iris", "GET", "/api/v1/me").status_code == 200
    with psycopg.connect(str(settings.http_dsn), autocommit=True, prepare_threshold=None) as next_client:
        before = next_client.execute(show).fetchone()
        address = f"/api/v1/users/{people['ann']}/progress{path}"
        assert call("iris", "POST", address, json=body).status_code == status
        # Through PgBouncer this is the server's connection that served the request.
        after = next_client.execute(show).fetchone()
    assert after == before
    with pool.connection() as next_request:
        seen = next_request.execute(show).fetchone()
    for found in (after, seen):
        assert found is not None
        assert found[1:] == ("none", *logins.SETTINGS.values())


def transaction_begun(connection: Connection) -> Any:
    """When the transaction began that waits for a lock, if one does."""
    row = connection.execute(f"select xact_start {OURS} and wait_event_type = 'Lock'".encode()).fetchone()
    return row and row[0]


def retries(caplog: pytest.LogCaptureFixture) -> int:
    """How often the last request was run again, as the log says."""
    *_, last = (record for record in caplog.records if record.message == "request")
    return int(vars(last)["fields"]["retries"])


def test_the_database_may_restart_under_the_service(monkeypatch: pytest.MonkeyPatch, connection: Connection) -> None:
    monkeypatch.setattr(service, "FRESH", 0)
    with scratch_server(Path(tempfile.gettempdir()), SERVER_SETTINGS) as server:
        dsn = build(server, users=1)
        everybody, admins = logins.ensure(dsn, server.home / "http-logins.json")
        app = create_app(
            Settings(home=server.home, http_dsn=everybody, http_admin_dsn=admins, pools=replace(POOLS, size=(2, 4)))
        )
        client = app.test_client()
        try:
            assert client.get("/readyz").status_code == 200
            server.stop()
            found: list[Any] = []

            def is_down() -> bool:
                """A probe that ends before the pool has tried to connect learns that it is busy, and shows what was."""
                found.append(client.get("/readyz"))
                return bool(found[-1].status_code == 503)

            with monkeypatch.context() as patch:
                patch.setattr(service, "PATIENCE", 1)
                # What was good stays so for as long as the test looks on: only what it is told makes it unready.
                patch.setattr(service, "GOOD_ENOUGH", 2 * DEADLINE)
                wait_until(connection, is_down, "it is told that its database is gone")
            assert found[-1].json["checks"]["database"] == "fail"
            assert client.get("/healthz").status_code == 200
            server.start()
            wait_until(connection, lambda: client.get("/readyz").status_code == 200, "it is ready again")
        finally:
            app.extensions["lockstep.database"].close()
