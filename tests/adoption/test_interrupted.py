"""`flask adopt`, the command: what it prints, how it fails, and what a kill in the middle leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app import create_app
from app.settings import PROJECT
from tests.adoption.conftest import Adopt
from tests.adoption.legacy import Manifest
from tests.adoption.test_adopt import counted
from tests.pairs import (
    Connect,
    Connection,
    desyncs,
    history,
    levels,
    one,
    progress,
    rows,
    update_level,
    value,
)
from tests.support import wait_until

FLASK = [sys.executable, "-m", "flask", "--app", "app", "adopt"]


@contextmanager
def adopting(target: str, source: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command; whatever is left of it at the end is killed."""
    process = subprocess.Popen(
        [*FLASK, "--from", source, "--json", *arguments],
        cwd=PROJECT,
        env={**os.environ, "LOCKSTEP_DSN": target},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def blocked_by(connection: Connection, holder: Connection) -> bool:
    return bool(
        rows(connection, "select from pg_stat_activity where %s = any(pg_blocking_pids(pid))", holder.info.backend_pid)
    )


def test_a_pair_that_is_made_here_after_the_plan_is_not_overwritten(
    old: Connection, connection: Connection, connect: Connect, school: Manifest, take: Adopt
) -> None:
    there = one(
        old,
        "select person.id, person.email from public.users as person inner join public.user_licenses as license"
        " on license.user_id = person.id where email is not null and specialization_type = 'PLAYER' order by 1 limit 1",
    )
    connection.execute("insert into lockstep.users (id, email) values (%s, %s)", [there.id, there.email])
    holder = connect(autocommit=False)
    update_level(holder, there.id, "PLAYER", 2, 99)
    with ThreadPoolExecutor(1) as pool:
        adoption = pool.submit(take)
        wait_until(connection, lambda: blocked_by(connection, holder), "the adoption waits for the pair")
        holder.commit()
        result = adoption.result()
    assert result.differences == []
    assert counted(result.plan, "user_licenses", "conflict") == 0
    assert counted(result.sums, "user_licenses", "conflict") > 0
    assert progress(connection, there.id).total_xp == 99
    assert levels(connection, there.id) == (2, 2)
    assert history(connection, there.id) == [(None, 2, "function")]
    assert desyncs(connection) == 0


def test_killed_in_the_middle_it_goes_on_where_it_stopped(
    old: Connection,
    connection: Connection,
    connect: Connect,
    school: Manifest,
    database: str,
    empty_database: str,
    take: Adopt,
) -> None:
    # Somebody here is in the source, too, and their pair is held: the chunk that has it waits.
    there = one(
        old,
        "select person.id, person.email, progress.specialization_id from public.users as person"
        " inner join public.specialization_progress as progress on progress.student_id = person.id"
        " where person.id > 100 and email is not null and specialization_id <> 'GOALKEEPER' order by 1, 3 limit 1",
    )
    connection.execute("insert into lockstep.users (id, email) values (%s, %s)", [there.id, there.email])
    update_level(connection, there.id, there.specialization_id, 1, 3)
    holder = connect(autocommit=False)
    holder.execute("select from lockstep.specialization_progress where student_id = %s for update", [there.id])
    with adopting(database, empty_database, "--apply", "--chunk", "20") as process:
        wait_until(connection, lambda: blocked_by(connection, holder), "the adoption waits for the pair")
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = value(connection, "select count(*) from lockstep.adopted_rows where table_name = 'specialization_progress'")
    assert 0 < done < school.rows["specialization_progress"]
    assert desyncs(connection) == 0
    holder.rollback()
    gone = "select from pg_stat_activity where datname = current_database() and application_name = 'lockstep'"
    wait_until(connection, lambda: not rows(connection, gone), "the server has seen that the client is gone")
    result = take()
    assert result.differences == []
    assert counted(result.plan, "users", "unchanged") == school.rows["users"]
    assert counted(result.plan, "specialization_progress", "unchanged") >= done
    assert {row["outcome"] for row in take().plan} == {"unchanged"}
    assert desyncs(connection) == 0


def test_the_command_reports_and_fails_when_the_sums_do_not_add_up(
    connection: Connection, school: Manifest, database: str, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSTEP_DSN", database)
    runner = create_app().test_cli_runner()
    command = ["adopt", "--from", empty_database]
    assert runner.invoke(args=[*command, "--schema", "nowhere"]).exit_code == 1
    report = runner.invoke(args=[*command, "--json"])
    assert report.exit_code == 0
    assert json.loads(report.stdout)["run"] is None
    # Somebody's trigger loses rows of the ledger while they are written.
    connection.execute(
        "create function public.lose() returns trigger language plpgsql as"
        " 'begin return case when new.table_name <> ''coach_levels'' then new end; end'"
    )
    connection.execute(
        "create trigger lose before insert on lockstep.adopted_rows for each row execute function public.lose()"
    )
    failed = runner.invoke(args=[*command, "--apply", "--json"])
    assert failed.exit_code == 1
    assert len(json.loads(failed.stdout)["differences"]) == 1
    connection.execute("drop trigger lose on lockstep.adopted_rows")
    assert runner.invoke(args=[*command, "--apply"]).exit_code == 0
    left = value(connection, "select count(*) from lockstep.adoption_quarantine")
    listed = runner.invoke(args=["db", "quarantine", "--rows"])
    assert (listed.exit_code, len(listed.stdout.splitlines())) == (0, left + 2)
    counted = runner.invoke(args=["db", "quarantine"])
    assert sum(int(line.split()[-1]) for line in counted.stdout.splitlines()[2:]) == left > 0


def test_ctrl_c_ends_the_command_as_a_shell_expects_it_to(
    database: str, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("LOCKSTEP_DSN", database)
    monkeypatch.setattr("app.adoption.cli.adopt", interrupt)
    ended = create_app().test_cli_runner().invoke(args=["adopt", "--from", empty_database, "--apply"])
    assert ended.exit_code == 128 + signal.SIGINT
