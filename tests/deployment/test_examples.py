"""The examples in deploy/ would start what there is: each linter, on the example and on one that was spoiled."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import PROJECT
from tests.deployment import examples
from tests.deployment.examples import EXAMPLES, WHERE

pytestmark = pytest.mark.once

UNITS = EXAMPLES / "systemd"
STARTED = {"serve", "queue work", "alerts deliver --watch", "sync reconcile", "sync health", "backup create"}


def read(name: str) -> str:
    return (EXAMPLES / name).read_text()


TEXTS: dict[str, Callable[[str], list[str]]] = {
    "crontab": examples.problems_of_crontab,
    "compose.yaml": examples.problems_of_compose,
    "Containerfile": examples.problems_of_image,
    "jobs.env": examples.problems_of_environment,
    "service.env": examples.problems_of_environment,
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_example_has_no_problem(name: str) -> None:
    assert TEXTS[name](read(name)) == []


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("crontab", "sync reconcile", "sync reconcille"),
        ("crontab", "queue drain", "queue drain --fast"),
        ("crontab", "17 2 * * *", "17 24 * * *"),
        ("crontab", "17 2 * * *", "17 2 * *"),
        ("crontab", "*/5 * * * *", "*/five * * * *"),
        ("crontab", "cd /srv/lockstep", "cd /srv"),
        ("compose.yaml", "command: [serve]", "command: [service]"),
        ("compose.yaml", "command: [serve]", "comand: [serve]"),
        ("compose.yaml", "command: [queue, work]", "command: [queue]"),
        ("compose.yaml", "home:/var/lib/lockstep", "house:/var/lib/lockstep"),
        ("compose.yaml", "    database:\n      condition", "    postgres:\n      condition"),
        ("compose.yaml", "healthcheck:", "x-healthcheck:"),
        ("compose.yaml", "deploy/Containerfile", "deploy/Dockerfile"),
        ("Containerfile", "COPY sql ./sql\n", ""),
        ("Containerfile", "COPY sql", "COPY sequel"),
        ("Containerfile", 'CMD ["serve"]', 'CMD ["run"]'),
        ("Containerfile", "LOCKSTEP_BIND", "LOCKSTEP_BOUND"),
        ("jobs.env", "LOCKSTEP_BACKUP_KEEP", "LOCKSTEP_BACKUPS_KEPT"),
        ("service.env", "LOCKSTEP_PORT", "LOCKSTEP_HTTP_PORT"),
    ],
)
def test_a_spoiled_example_has_one(name: str, good: str, bad: str) -> None:
    spoiled = read(name).replace(good, bad)
    assert spoiled != read(name)
    assert TEXTS[name](spoiled) != []


@pytest.mark.parametrize("name", TEXTS)
def test_an_empty_example_is_a_problem(name: str) -> None:
    assert TEXTS[name]("services: {}" if name == "compose.yaml" else "") != []


@pytest.fixture
def units(tmp_path: Path) -> Path:
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    return folder


def test_units_start_the_service_the_worker_and_every_job(units: Path) -> None:
    assert examples.problems_of_units(units) == []
    started = {line.partition("--app app ")[2] for _, line in examples.commands_of_units(units)}
    assert started == STARTED


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("lockstep-reconcile.service", "sync reconcile", "sync reconcille"),
        ("lockstep-http.service", "flask --app app serve", "flask serve"),
        ("lockstep-http.service", "/etc/lockstep/service.env", "/etc/lockstep/http.env"),
        ("lockstep-queue.service", "Type=exec", "Type=oneshot"),
    ],
)
def test_a_spoiled_unit_is_found(units: Path, name: str, good: str, bad: str) -> None:
    path = units / name
    path.write_text(path.read_text().replace(good, bad))
    assert examples.problems_of_units(units) != []


def verify(units: Path) -> subprocess.CompletedProcess[str]:
    """Have systemd read the units, as if the project stood where they say."""
    for path in units.iterdir():
        path.write_text(path.read_text().replace(f"{WHERE}/", f"{PROJECT}/"))
    files = sorted(str(path) for path in units.iterdir())
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.needs_program("systemd-analyze")
def test_systemd_reads_every_unit_without_a_word(units: Path) -> None:
    assert len(list(units.iterdir())) == 9
    done = verify(units)
    assert (done.returncode, done.stderr) == (0, "")
    path = units / "lockstep-health.timer"
    path.write_text(path.read_text().replace("*:0/5", "every five minutes"))
    other = units / "lockstep-queue.service"
    other.write_text(other.read_text().replace("RestartSec", "RestartAfter"))
    spoiled = verify(units)
    assert "every five minutes" in spoiled.stderr
    assert "RestartAfter" in spoiled.stderr


def test_hadolint_has_nothing_to_say_of_the_image(tmp_path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    file = tmp_path / "Containerfile"
    for text, code in ((read("Containerfile"), 0), (read("Containerfile").replace("--no-cache-dir ", ""), 1)):
        file.write_text(text)
        done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout
