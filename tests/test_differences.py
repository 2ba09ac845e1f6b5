"""The suite on a server that was there already: `make test DSN=…`, and the register of what is left out on which."""

import os
import re
import subprocess
import sys

import pytest

from app.settings import PROJECT
from tests.differences import CONDITIONS, DIFFERENCES
from tests.given import VARIABLE

pytestmark = pytest.mark.once


def run_suite(*arguments: str, dsn: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, on the server of the DSN."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
        cwd=PROJECT,
        env={**{name: os.environ[name] for name in os.environ if not name.startswith("PYTEST_")}, VARIABLE: dsn},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_row_of_the_register_names_a_test_that_there_is() -> None:
    files = sorted({re.sub("[^/]*[*].*", "", row.tests.partition("::")[0]) or "tests" for row in DIFFERENCES})
    there = run_suite("--collect-only", "--quiet", *files).stdout.splitlines()
    assert [row.tests for row in DIFFERENCES if not any(row.names(test) for test in there)] == []


def test_each_condition_of_the_register_is_some_rows() -> None:
    assert {row.condition for row in DIFFERENCES} == CONDITIONS.keys()
