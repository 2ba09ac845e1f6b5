"""The jobs in pg_cron, the real extension (D7). Its finest step is a minute: these tests wait for one."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app import curriculum, schedule
from app.migrator import Migrator
from app.postgres import Server
from app.settings import Settings
from tests.pairs import Connection, add_users, desyncs, plant, rows
from tests.support import DEADLINE, SERVER_SETTINGS, folder_for_servers, wait_until

# Seconds for what pg_cron does each minute: it may miss one.
MINUTES = 5 * DEADLINE

CRON = {"shared_preload_libraries": "pg_cron", "cron.use_background_workers": "on", "cron.database_name": "postgres"}


@pytest.fixture(scope="module")
def school() -> Iterator[str]:
    """The DSN of an installed database on a server with pg_cron."""
    # Every worker that has tests of these has its own; the number at the end is whose it is.
    home = folder_for_servers() / f"lockstep-tests-{os.getuid()}-cron-{os.getpid()}"
    server = Server(home, Settings.from_environment().pgbin, SERVER_SETTINGS | CRON)
    server.start()
    try:
        migrator = Migrator(server.dsn)
        migrator.migrate()
        migrator.load()
        curriculum.load(server.dsn)
        yield server.dsn
    finally:
        server.stop()
        shutil.rmtree(server.home)


@pytest.fixture
def connection(school: str) -> Iterator[Connection]:
    with psycopg.connect(school, autocommit=True) as connection:
        yield connection


def jobs(school: str) -> list[Any]:
    with psycopg.connect(school.replace("/lockstep", "/postgres"), autocommit=True) as connection:
        return rows(connection, "select jobname, schedule, command, database from cron.job order by jobid")


@pytest.mark.needs_extension("pg_cron", scratch=True)
def test_jobs_are_installed_once_in_the_right_database_and_removed(school: str) -> None:
    schedule.install(school)
    installed = jobs(school)
    assert [(job.schedule, job.command, job.database) for job in installed] == [
        ("0 */6 * * *", "call lockstep.reconcile()", "lockstep"),
        ("*/5 * * * *", "call lockstep.watch()", "lockstep"),
        ("* * * * *", "call lockstep.drain_queue()", "lockstep"),
    ]
    schedule.install(school)
    assert jobs(school) == installed
    schedule.install(school, "maple")
    of_both = jobs(school)
    assert len(of_both) == 6
    assert len(schedule.remove(school)) == 3
    assert jobs(school) == [job for job in of_both if "maple." in job.command]
    assert len(schedule.remove(school, "maple")) == 3
    assert jobs(school) == []


@pytest.mark.needs_extension("pg_cron", scratch=True)
def test_rolling_back_takes_the_jobs_out_where_pg_cron_lives_in_the_same_database(school: str) -> None:
    here = school.replace("/lockstep", "/postgres")
    migrator = Migrator(here)
    migrator.migrate()
    migrator.load()
    schedule.install(here)
    assert len(jobs(school)) == 3
    migrator.rollback("0010")
    assert jobs(school) == []


@pytest.mark.slow
@pytest.mark.needs_extension("pg_cron", scratch=True)
def test_a_planted_desync_is_healed_by_a_scheduled_run(school: str, connection: Connection) -> None:
    # All of it before there is a job: a minute may end at any moment.
    add_users(connection, 1, 2)
    plant(connection, 5, 3, user=1)
    plant(connection, None, 4, user=2)
    assert desyncs(connection) == 2
    connection.execute("select lockstep.enqueue_level_up(1, 'COACH', 10)")
    schedule.install(school)
    with psycopg.connect(school.replace("/lockstep", "/postgres"), autocommit=True) as cron:
        cron.execute("select cron.alter_job(jobid, schedule => '* * * * *') from cron.job")
    healing = "select * from lockstep.runs where issues_found > 0 and status <> 'running'"
    wait_until(connection, lambda: desyncs(connection) == 0, "a scheduled run has healed it", MINUTES)
    wait_until(connection, lambda: bool(rows(connection, healing)), "it has ended")
    (run,) = rows(connection, healing)
    assert (run.scheduled, run.synced_count) == (True, 2)
    wait_until(
        connection,
        lambda: bool(rows(connection, "select from lockstep.health where last_check is not null")),
        "a scheduled check has run",
        MINUTES,
    )
    backlog = "select backlog from lockstep.queue_status"
    wait_until(connection, lambda: rows(connection, backlog) == [(0,)], "the queue is drained", MINUTES)
    assert rows(connection, "select total_xp from lockstep.specialization_progress where student_id = 1") != []
    schedule.remove(school)


def test_a_server_without_pg_cron_says_what_to_do_instead(database: str) -> None:
    with pytest.raises(schedule.NoCronError, match="make reconcile"):
        schedule.install(database)
