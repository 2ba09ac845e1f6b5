"""Explicit permutations by PostgreSQL's own isolationtester, at each isolation level (B7, B12, A7).

specs/NAME.spec says who does what and in which order; specs/expected/NAME.LEVEL.out is what came
of it, read and committed. After a change that is meant: LOCKSTEP_WRITE=1, then read the diff.
"""

import os
import subprocess
from pathlib import Path

import pytest

from app.postgres import wheel_pgbin
from tests.cluster import unnumbered
from tests.pairs import Connection
from tests.support import DEADLINE

SPECS = Path(__file__).with_name("specs")
NAMES = sorted(path.stem for path in SPECS.glob("*.spec"))
LEVELS = ["read committed", "repeatable read", "serializable"]

# Of the wheel whatever server is tested: its report has one format, and Debian's is another version.
TESTER = wheel_pgbin().parent / "lib/pgxs/src/test/isolation/isolationtester"


def run_spec(dsn: str, name: str, level: str) -> str:
    """Every permutation of a spec, every session of it at this level; what the tester reports."""
    done = subprocess.run(
        [TESTER, dsn],
        input=(SPECS / f"{name}.spec").read_text(),
        capture_output=True,
        text=True,
        timeout=10 * DEADLINE,
        env={
            "PATH": os.environ["PATH"],
            "PGOPTIONS": "-c default_transaction_isolation=" + level.replace(" ", "\\ "),
            "PGAPPNAME": name,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # What PostgreSQL 18 says in more words than 15.
    return unnumbered(done.stdout).replace("violates RESTRICT setting of foreign key", "violates foreign key")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_each_permutation_ends_as_expected(database: str, connection: Connection, name: str, level: str) -> None:
    connection.execute((SPECS / "prepare.sql").read_bytes())
    expected = SPECS / "expected" / f"{name}.{level.replace(' ', '-')}.out"

    found = run_spec(database, name, level)

    if os.environ.get("LOCKSTEP_WRITE"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(found)
    assert found == expected.read_text()


def test_no_expected_file_is_without_its_spec() -> None:
    found = {path.name for path in (SPECS / "expected").iterdir()}
    assert found == {f"{name}.{level.replace(' ', '-')}.out" for name in NAMES for level in LEVELS}


def test_a_spec_that_cannot_run_fails(database: str) -> None:
    # prepare.sql was not run.
    with pytest.raises(AssertionError):
        run_spec(database, NAMES[0], LEVELS[0])
