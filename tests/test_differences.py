"""The suite on a server that was there already: `make test DSN=…`, and the register of what is left out on which."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.settings import PROJECT
from tests import given
from tests.differences import CONDITIONS, DIFFERENCES, NO_STATISTICS
from tests.given import VARIABLE, Visit
from tests.support import SERVER_SETTINGS, folder_for_servers
from tests.torture.scratch import scratch_server

pytestmark = pytest.mark.once

PAGE = PROJECT / "docs" / "testing.md"

# One that dumps and restores, one that signs in, one that begins with nothing, and one that is left out.
A_FEW = (
    "tests/deployment/test_backup.py::test_a_restored_backup_is_the_same_schema_with_the_same_rows_and_whole_guards",
    "tests/http/test_login.py::test_the_right_password_signs_in",
    "tests/test_cli.py::test_verify_fails_on_a_database_without_lockstep",
    "tests/monitoring/test_views.py::test_a_statement_that_prints_a_password_is_not_shown",
)


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """The DSN of a server as somebody has one: it asks for no password, and counts no statements."""
    with scratch_server(folder_for_servers(), SERVER_SETTINGS | {"shared_preload_libraries": ""}) as server:
        server.stop()
        (server.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
        server.start()
        told = conninfo_to_dict(server.dsn)
        yield f"postgresql://postgres@{told['host']}:{told['port']}/lockstep"


@pytest.fixture
def named(plain: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server, named to this process."""
    monkeypatch.setenv(VARIABLE, plain)
    return plain


def run_suite(*arguments: str, dsn: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, on the server of the DSN."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=PROJECT,
        env={
            **{name: os.environ[name] for name in os.environ if not name.startswith(("PYTEST_", "LOCKSTEP_TEST_"))},
            VARIABLE: dsn,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def files_of_the_register() -> list[str]:
    """The files that the rows name, or the folder where a row names several."""
    return sorted({re.sub("[^/]*[*].*", "", row.tests.partition("::")[0]) or "tests" for row in DIFFERENCES})


# The register ---------------------------------------------------------------------------------


def test_each_row_names_a_test_that_there_is() -> None:
    there = run_suite("--collect-only", "--quiet", *files_of_the_register()).stdout.splitlines()
    assert [row.tests for row in DIFFERENCES if not any(row.names(test) for test in there)] == []


def test_each_condition_is_some_rows() -> None:
    assert {row.condition for row in DIFFERENCES} == CONDITIONS.keys()


def test_the_documentation_has_every_row() -> None:
    head, mark, _ = PAGE.read_text("utf-8").partition("-->\n")
    lines = [f"| {row.condition} | `{row.tests}` | {row.reason} |\n" for row in DIFFERENCES]
    text = "".join([head, mark, "\n| where | left out | why |\n| --- | --- | --- |\n", *lines])
    if os.environ.get("LOCKSTEP_WRITE"):
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text


# A server that was there ----------------------------------------------------------------------


def of_the_server(dsn: str) -> set[str]:
    """Its databases and roles, and what was set for them."""
    with psycopg.connect(dsn) as connection:
        return {
            name
            for (name,) in connection.execute(
                "select datname from pg_database union all select rolname from pg_roles"
                " union all select setconfig::text from pg_db_role_setting"
            )
        }


def test_a_few_tests_pass_on_a_plain_server_which_is_left_as_it_was_found(plain: str) -> None:
    before = of_the_server(plain)
    with psycopg.connect(plain, autocommit=True) as connection:
        # As a run that was killed leaves it.
        connection.execute("create database suite_template")
        connection.execute("create role lockstep_owner")
    run = run_suite("--quiet", "-n", "1", *A_FEW, dsn=plain)
    assert run.returncode == 0, run.stdout
    assert f"{len(A_FEW) - 1} passed" in run.stdout
    left_out = re.findall(r"(?m)^left out on this server: (\d+) test: (.+?): ", run.stdout)
    assert left_out == [("1", NO_STATISTICS)]
    assert of_the_server(plain) == before


def test_what_is_left_out_there_could_not_pass(plain: str) -> None:
    run = run_suite("--quiet", "--prove-differences", *files_of_the_register(), dsn=plain)
    assert run.returncode == 0, run.stdout
    (proven,) = re.findall(r"(\d+) xfailed", run.stdout)
    assert int(proven) >= sum(row.condition == NO_STATISTICS for row in DIFFERENCES)


def test_a_server_that_is_not_there_ends_the_run_before_the_first_test() -> None:
    run = run_suite("--quiet", *A_FEW, dsn="postgresql://postgres@127.0.0.1:1/postgres")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert run.stdout == ""


def test_the_role_has_to_be_a_superusers(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(named, autocommit=True) as connection:
        connection.execute("create role teacher login createdb createrole")
        try:
            monkeypatch.setenv(VARIABLE, make_conninfo(named, user="teacher"))
            with pytest.raises(pytest.UsageError):
                Visit()
        finally:
            connection.execute("drop role teacher")


def test_a_server_with_too_few_connections_is_refused(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "CONNECTIONS", 1000)
    with pytest.raises(pytest.UsageError):
        Visit()


def test_one_run_at_a_time(named: str) -> None:
    visit = Visit()
    with pytest.raises(pytest.UsageError):
        Visit()
    visit.end()
    Visit().end()


def test_a_server_where_lockstep_is_in_use_is_refused_and_left_alone(named: str) -> None:
    with psycopg.connect(named, autocommit=True) as connection:
        connection.execute("create role lockstep_owner")
        connection.execute("create schema lockstep authorization lockstep_owner")
        try:
            before = of_the_server(named)
            with pytest.raises(pytest.UsageError):
                Visit()
            assert of_the_server(named) == before
        finally:
            connection.execute("drop schema lockstep; drop role lockstep_owner")
