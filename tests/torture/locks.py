"""Take each row lock out of a copy of the project, one at a time: a race test has to fail for each.

    python -m tests.torture.locks

Prints a line for each lock: the test that caught its absence, or that none did; then it exits with 1.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.settings import PROJECT

COPIED = "app", "sql", "tests"
CONFIGURATION = "setup.cfg", "pyproject.toml"
RACES = "tests/faults/test_races.py", "tests/functions/test_levels.py"

# A locking clause stands on a line of its own; the hook is what the policies call.
LOCK = re.compile(r"\n *for no key update(?=;)")
HOOK = re.compile(
    r"create policy (\w+) on lockstep\.user_licenses for \w+\nusing \((lockstep\.lock_progress_first\(.*\))\)"
)


@dataclass(frozen=True)
class Mutant:
    """A function's file without one lock."""

    file: Path
    lock: str
    text: str


def mutants(project: Path) -> Iterator[Mutant]:
    """Every function's file, once for each lock that it takes."""
    for path in sorted((project / "sql" / "functions").glob("*.sql")):
        text = path.read_text()
        file = path.relative_to(project)
        for place in LOCK.finditer(text):
            table = re.findall(r"from lockstep\.(\w+)", text[: place.start()])[-1]
            yield Mutant(file, f"the lock of {table}", text[: place.start()] + text[place.end() :])
        for place in HOOK.finditer(text):
            start, end = place.span(2)
            yield Mutant(file, f"the lock in policy {place[1]}", f"{text[:start]}true{text[end:]}")


def caught_by(mutant: Mutant, tests: list[str]) -> str | None:
    """Run the tests in a copy that has the mutant; return the first that failed."""
    with tempfile.TemporaryDirectory(prefix="lockstep-locks-") as folder:
        copy = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
        for name in COPIED:
            shutil.copytree(PROJECT / name, copy / name, ignore=ignored)
        for name in CONFIGURATION:
            shutil.copy(PROJECT / name, copy)
        (copy / mutant.file).write_text(mutant.text)
        answer = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests],
            cwd=copy,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if answer.returncode == 0:
        return None
    found = re.search(r"^FAILED (.*)$", answer.stdout, re.MULTILINE)
    if found is None:
        raise SystemExit(f"the tests did not run:\n{answer.stdout}")
    return found[1].split(" - ")[0]


def main() -> int:
    """Try every lock; return 1 if one can go unnoticed."""
    parser = argparse.ArgumentParser(description="Which test notices that a lock is gone.")
    parser.add_argument("--only", default="", metavar="TEXT", help="locks whose description contains this")
    parser.add_argument("tests", nargs="*", default=RACES, help="what to run, instead of the races")
    given = parser.parse_args()
    unnoticed = 0
    for mutant in mutants(PROJECT):
        what = f"{mutant.file}: {mutant.lock}"
        if given.only in what:
            test = caught_by(mutant, list(given.tests))
            unnoticed += test is None
            print(f"{what}: {test or 'NOT CAUGHT'}", flush=True)
    print(f"locks that can go unnoticed: {unnoticed}")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
