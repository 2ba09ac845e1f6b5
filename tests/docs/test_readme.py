"""The sessions in README.md print what README.md says: run, and compared word for word.

LOCKSTEP_WRITE=1 writes what they print now into README.md instead.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from app import seed
from app.settings import PROJECT

README = PROJECT / "README.md"
PROMPT = "lockstep=# "
MARK = "--- next statement ---"
SESSION = re.compile(r"<!-- (psql|shell): \w+ -->\n```\n(.*?)\n```", re.DOTALL)
FOUND = SESSION.findall(README.read_text("utf-8"))
SESSIONS = [session for kind, session in FOUND if kind == "psql"]
SHELLS = [session for kind, session in FOUND if kind == "shell"]


def test_readme_has_its_sessions() -> None:
    assert len(SESSIONS) == 2
    assert all(session.startswith(PROMPT) for session in SESSIONS)


@pytest.mark.parametrize("session", SESSIONS, ids=["first-screen", "find-plan-apply-undo"])
def test_a_session_prints_what_readme_says(session: str, database: str, pgbin: Path) -> None:
    seed.seed(database)
    statements = [line.removeprefix(PROMPT) for line in session.splitlines() if line.startswith(PROMPT)]
    played = play(statements, database, pgbin / "psql")
    if os.environ.get("LOCKSTEP_WRITE"):
        README.write_text(README.read_text("utf-8").replace(session, played), "utf-8")
    else:
        assert played == session


def play(statements: list[str], dsn: str, psql: Path) -> str:
    """Run the statements in one session; return it as a terminal would show it."""
    script = "\n".join(line for statement in statements for line in (f"\\echo '{MARK}'", statement))
    done = subprocess.run(
        [psql, "-X", "-q", "-d", dsn],
        input=f"\\set QUIET off\n{script}\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    outputs = done.stdout.split(f"{MARK}\n")[1:]
    shown = [f"{PROMPT}{statement}\n{output}" for statement, output in zip(statements, outputs, strict=True)]
    return "\n".join(line.rstrip() for line in "".join(shown).splitlines()).rstrip()
