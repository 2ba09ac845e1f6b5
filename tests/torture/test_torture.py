"""The torture runs, short: whether they run at all, and hold. `make torture` and `make deadlocks` are the long ones."""

import fcntl
import tempfile
from pathlib import Path

import psycopg
import pytest

from app import logins, mail
from app.postgres import Server
from app.settings import PoolSettings, Settings
from tests.support import DEADLINE
from tests.torture import http, repair, soak
from tests.torture.crash import torture
from tests.torture.deadlock import KEYS, hostile, hot
from tests.torture.scratch import add_users


@pytest.fixture
def crowd(server: Server, database: str) -> str:
    """A database with users 1 to 400, by its DSN."""
    with psycopg.connect(database, autocommit=True) as connection:
        add_users(connection, max(KEYS))
        connection.execute("select lockstep.record_guards(lockstep.broken_guards())")
    return database


@pytest.mark.slow
def test_what_was_acknowledged_is_there_once_after_every_kind_of_crash() -> None:
    ledger = torture(3, Path(tempfile.gettempdir()), {}, seconds=0.8)
    assert ledger.acknowledged > 0
    assert ledger.unanswered > 0
    assert not ledger.failed, (ledger.summary(), ledger.problems)


@pytest.mark.slow
def test_the_crash_run_sees_what_a_server_without_synchronous_commit_loses() -> None:
    settings = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    # It ends with the first cycle that loses something; one may come just after the WAL was written.
    ledger = torture(12, Path(tempfile.gettempdir()), settings, seconds=0.8)
    assert ledger.lost > 0


def test_calls_on_hot_pairs_do_not_deadlock_and_sum_exactly(crowd: str, pgbin: Path) -> None:
    assert hot(crowd, pgbin, calls=20_000, clients=32) == []


@pytest.mark.parametrize("keys", KEYS)
def test_raw_sql_of_every_kind_and_functions_do_not_deadlock(crowd: str, keys: int) -> None:
    assert hostile(crowd, keys, seconds=3, legacy=True) == []


def test_raw_sql_of_a_superuser_may_deadlock_and_is_coupled_all_the_same(crowd: str) -> None:
    assert hostile(crowd, keys=20, seconds=3, legacy=False) == []


@pytest.mark.slow
@pytest.mark.once
def test_a_busy_service_keeps_every_sum_and_gives_its_connections_back(
    database: str, server: Server, tmp_path: Path
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        add_users(connection, http.STUDENTS)
        connection.execute("select setval(pg_get_serial_sequence('lockstep.users', 'id'), %s)", [http.STUDENTS])
    # Fewer connections than clients, so that they wait, and some are told to come again.
    pools = PoolSettings(size=(0, 3), admin_size=(0, 1), waiting=4)
    with (server.home / "logins.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        everybody, admins = logins.ensure(database, server.home / "http-logins.json")
    settings = Settings(home=tmp_path, http_dsn=everybody, http_admin_dsn=admins, pools=pools)
    ledger = http.load(database, settings, tmp_path, clients=16, seconds=4, workers=1)
    assert ledger.latencies
    assert not ledger.problems, ledger.problems[:5]


@pytest.mark.slow
def test_a_short_day_of_traffic_and_jobs_leaves_nothing_behind(
    database: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A mail server that was given up may have taken the mail: that one would come twice.
    monkeypatch.setattr(mail, "TIMEOUT", 2 * DEADLINE)
    with psycopg.connect(database, autocommit=True) as connection:
        add_users(connection, http.STUDENTS + 1)
        connection.execute("select lockstep.record_guards(lockstep.broken_guards())")
        connection.execute("select setval(pg_get_serial_sequence('lockstep.users', 'id'), 1000)")
    with (server.home / "logins.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        everybody, admins = logins.ensure(database, server.home / "http-logins.json")
    # Pools that keep what they have are calm at once.
    pools = PoolSettings(size=(3, 3), admin_size=(1, 1))
    settings = Settings(home=tmp_path, http_dsn=everybody, http_admin_dsn=admins, pools=pools)
    day = soak.soak(database, settings, tmp_path, seconds=6, clients=4, workers=1)
    assert min(day.jobs[name] for name in soak.EVERY) > 0
    assert day.incidents > 0
    assert not day.ledger.problems, day.ledger.problems[:5]


def test_writers_lose_nothing_to_a_repair_that_is_killed_and_resumed(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("select lockstep.record_guards(lockstep.broken_guards())")
    outcome = repair.torture(database, rows=2000, seconds=0.3)
    assert outcome.acknowledged > 0
    assert outcome.repaired > 0
    print(outcome.summary(), *outcome.problems, sep="\n")  # whole, where it fails
    assert not outcome.broken
