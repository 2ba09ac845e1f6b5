"""Reads the examples in deploy/, and says what is wrong with them: nothing here may pass what it did not understand."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml

from app import create_app, settings
from app.settings import PROJECT, Settings

EXAMPLES = PROJECT / "deploy"
FLASK = ["-m", "flask", "--app", "app"]
WHERE = "/srv/lockstep"

# Schedules, from once a minute up: five fields of numbers, ranges, lists and steps.
FIELD = re.compile(r"(\*|\d+(-\d+)?(,\d+(-\d+)?)*)(/\d+)?")
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))

SERVICE_KEYS = {
    *("image", "build", "command", "env_file", "environment", "volumes", "ports", "depends_on", "profiles"),
    *("healthcheck", "restart", "stop_grace_period", "shm_size"),
}


@cache
def flask() -> click.Group:
    """Every command there is."""
    group: click.Group = create_app(Settings()).cli
    return group


def command_problem(arguments: list[str]) -> str | None:
    """What flask would say of a command line, without running it."""
    group: click.Command = flask()
    names: list[str] = []
    while isinstance(group, click.Group) and arguments:
        name, *arguments = arguments
        names.append(name)
        found = group.get_command(click.Context(group), name)
        if found is None:
            return f"there is no command {' '.join(names)}"
        group = found
    if isinstance(group, click.Group):
        return f"{' '.join(names) or 'flask'} is a group, not a command"
    try:
        group.make_context(" ".join(names), list(arguments))
    except click.ClickException as error:
        return f"{' '.join(names)}: {error.format_message()}"
    return None


def commands_of_units(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file of units, and the command that it starts."""
    for path in sorted(folder.glob("*.service")):
        for line in path.read_text().splitlines():
            if line.startswith("ExecStart="):
                yield path.name, line.partition("=")[2]


def problems_of_units(folder: Path) -> list[str]:
    """What is wrong with the units' commands, and with what belongs together; systemd itself reads the rest."""
    problems = [f"{name}: {problem}" for name, line in commands_of_units(folder) if (problem := started_problem(line))]
    for timer in sorted(folder.glob("*.timer")):
        if not timer.with_suffix(".service").exists():
            problems.append(f"{timer.name} starts nothing")
    for service in sorted(folder.glob("*.service")):
        text = service.read_text()
        if ("Type=oneshot" in text) != service.with_suffix(".timer").exists():
            problems.append(f"{service.name}: a job has a timer, and nothing else has")
        for file in re.findall(r"(?m)^EnvironmentFile=(.*)$", text):
            if not (EXAMPLES / Path(file).name).exists():
                problems.append(f"{service.name}: no example of {file}")
    return problems


def started_problem(line: str) -> str | None:
    """What is wrong with a command that is started with a path of its own."""
    program, *arguments = shlex.split(line)
    if program != f"{WHERE}/.venv/bin/python":
        return f"starts {program}"
    if arguments[: len(FLASK)] != FLASK:
        return f"does not run flask: {line}"
    return command_problem(arguments[len(FLASK) :])


def problems_of_crontab(text: str) -> list[str]:
    """What cron, or flask after it, would refuse. At least one line has to be a job."""
    problems, jobs = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#") or re.match(r"[A-Z]+=", line):
            continue
        jobs += 1
        parts = line.split(None, 6)
        if len(parts) < 7:
            problems.append(f"line {number}: not five fields, a user and a command")
            continue
        for field, (least, most) in zip(parts[:5], LIMITS, strict=True):
            figures = [int(figure) for figure in re.findall(r"\d+", field.partition("/")[0])]
            if not FIELD.fullmatch(field) or any(not least <= figure <= most for figure in figures):
                problems.append(f"line {number}: {field} is no time")
        prepare, python, command = parts[6].partition(".venv/bin/python -m flask --app app ")
        if not python or "%" in command:
            problems.append(f"line {number}: {parts[6]}")
        elif problem := command_problem(shlex.split(command)):
            problems.append(f"line {number}: {problem}")
        if prepare != f"cd {WHERE} && set -a && . /etc/lockstep/jobs.env && ":
            problems.append(f"line {number}: starts elsewhere: {prepare}")
    return problems if jobs else ["no job in it"]


def problems_of_environment(text: str) -> list[str]:
    """Settings that nothing reads, or lines that are none."""
    documented = set(re.findall(r"\bLOCKSTEP_[A-Z_]+", str(settings.__doc__)))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    names = [line.partition("=")[0] for line in lines]
    problems = [f"nothing reads {name}" for name in names if name not in documented]
    Settings.from_environment({line.partition("=")[0]: line.partition("=")[2] for line in lines})
    return problems if lines else ["nothing in it"]


def problems_of_compose(text: str) -> list[str]:
    """What is wrong with the services: their keys, their commands, what they refer to."""
    told: dict[str, Any] = yaml.safe_load(text)
    services: dict[str, dict[str, Any]] = told["services"]
    volumes = told.get("volumes", {}).keys()
    problems = [f"{key} at the top" for key in told if key not in {"name", "services", "volumes"} and key[:2] != "x-"]
    ours = 0
    for name, service in services.items():
        problems += [f"{name}: {key}" for key in service.keys() - SERVICE_KEYS]
        if "build" in service:
            ours += 1
            file = (EXAMPLES / service["build"]["context"] / service["build"]["dockerfile"]).resolve()
            if not file.is_file():
                problems.append(f"{name}: there is no {file}")
            if problem := command_problem([str(word) for word in service.get("command", [])]):
                problems.append(f"{name}: {problem}")
        elif "image" not in service:
            problems.append(f"{name}: from nothing")
        problems += [f"{name}: needs {other}" for other in service.get("depends_on", {}) if other not in services]
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy" and "healthcheck" not in services.get(other, {}):
                problems.append(f"{name}: nobody says whether {other} is healthy")
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source not in volumes and source[0] not in "./":
                problems.append(f"{name}: the volume {source}")
    return problems if ours else ["nothing of ours in it"]


def problems_of_image(text: str) -> list[str]:
    """What of the Containerfile hadolint cannot know: whether it copies what there is, and starts what there is."""
    problems = []
    for line in re.findall(r"(?m)^COPY (.*)$", text):
        *sources, _ = line.split()
        problems += [f"there is no {source}" for source in sources if not (PROJECT / source).exists()]
    entry, command = (re.findall(rf"(?m)^{word} (\[.*\])$", text) for word in ("ENTRYPOINT", "CMD"))
    if len(entry) != 1 or len(command) != 1:
        return [*problems, "it does not say what it runs"]
    if yaml.safe_load(entry[0]) != ["python", *FLASK]:
        problems.append(f"runs {entry[0]}")
    if problem := command_problem(yaml.safe_load(command[0])):
        problems.append(problem)
    variables = re.findall(r"\b(LOCKSTEP_[A-Z]+)=(\S*)", text)
    problems += problems_of_environment("\n".join("=".join(pair) for pair in variables))
    copied = {source for line in re.findall(r"(?m)^COPY (.*)$", text) for source in line.split()[:-1]}
    problems += [f"does not copy {name}" for name in ("app", "sql", "requirements.txt") if name not in copied]
    return problems
