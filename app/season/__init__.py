"""A season of concurrent level-ups, checked to the last point of XP (`make demo`).

Students of every specialization earn XP in tens of thousands of events that walk the thresholds
of the curriculum. Many writers send them from several processes through level_up(), a tenth of
them more than once; beside them other sessions edit levels by raw SQL, and a reader watches the
desync view. In the end everything is held to a model in plain Python.

plan.py draws it, play.py and team.py play it, check.py checks it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import click

from app import db
from app.season.check import Line, check, force_out_of_step
from app.season.plan import Curriculum, Plan, Requirement, SeasonError, Size, make_plan
from app.season.play import Progress, play

__all__ = ["SeasonError", "SeasonResult", "prepare", "run", "show_progress"]

INSTRUCTORS = 20


@dataclass(frozen=True)
class SeasonResult:
    """How a season went; as text, a report."""

    size: Size
    lines: Sequence[Line]
    seconds: float

    @property
    def ok(self) -> bool:
        """Tell whether no promise was broken."""
        return all(line.kept is not False for line in self.lines)

    def __str__(self) -> str:
        broken = sum(line.kept is False for line in self.lines)
        return "\n".join(
            [
                f"A season of {self.size.students:,} students and {self.size.events:,} events (seed {self.size.seed})",
                *map(str, self.lines),
                f"{len(self.lines)} promises, {broken} broken;"
                f" {self.seconds:.1f} s, {self.size.events / self.seconds:,.0f} events/s",
            ]
        )


def run(
    dsn: str,
    *,
    students: int = Size.students,
    writers: int = Size.writers,
    processes: int = Size.processes,
    events: int = Size.events,
    raw_sessions: int = Size.raw_sessions,
    seed: int = Size.seed,
    progress: Progress | None = None,
) -> SeasonResult:
    """Play and check a season in a database that is installed and holds nobody yet.

    The role of the DSN can become lockstep_app and lockstep_legacy; a superuser can. One pair is
    out of step afterwards: the database is for this alone. Progress is told the sends that are
    done, and how many there are. Raises SeasonError when the season cannot be played to its end;
    however it ends, no connection stays.
    """
    size = Size(students, writers, processes, events, raw_sessions, seed)
    with db.connect(dsn) as connection:
        plan = prepare(connection, size)
    record = play(dsn, plan, progress or _silent)
    with db.connect(dsn) as connection:
        lines = [*check(connection, plan, record), force_out_of_step(connection, plan)]
    return SeasonResult(size, lines, record.seconds)


def prepare(connection: db.Connection, size: Size) -> Plan:
    """Add the people of a season, and plan it on the curriculum that the database holds."""
    if connection.execute("select 1 from lockstep.users limit 1").fetchone():
        raise SeasonError("somebody lives in this database: a season takes one of its own")
    with connection.transaction():
        instructors = _add_users(connection, "instructor", INSTRUCTORS)
        students = _add_users(connection, "student", size.students)
    return make_plan(size, _curriculum(connection), students, instructors)


def show_progress(stream: TextIO | None = None) -> Progress:
    """A progress bar on a terminal, a line for every tenth elsewhere; on stderr unless told."""
    stream = stream or sys.stderr
    if not stream.isatty():
        return _lines(stream)
    bar = click.progressbar(length=1, label="season", file=stream)

    def move(done: int, total: int) -> None:
        bar.length = total
        bar.update(done - bar.pos)
        if done == total:
            bar.render_finish()

    return move


def _lines(stream: TextIO) -> Progress:
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        if (tenth := 10 * done // total) > told:
            told = tenth
            click.echo(f"season: {10 * tenth:3} %, {done:,} of {total:,} sends", file=stream)

    return tell


def _silent(done: int, total: int) -> None:
    """Show nothing."""


def _add_users(connection: db.Connection, role: str, count: int) -> list[int]:
    rows = connection.execute(
        """
        insert into lockstep.users (email, name, role)
        select
            %(role)s::text || '-' || n || '@season.invalid',
            initcap(%(role)s::text) || ' ' || n,
            %(role)s::text
        from generate_series(1, %(count)s) as n
        returning id
        """,
        {"role": role, "count": count},
    )
    return [user for (user,) in rows]


def _curriculum(connection: db.Connection) -> Curriculum:
    levels: dict[str, list[Requirement]] = {}
    for specialization, *required in connection.execute(
        """
        select specialization_id, required_xp, required_sessions, theory_hours, practice_hours
        from lockstep.specialization_levels
        order by specialization_id, level
        """
    ):
        levels.setdefault(specialization, []).append(Requirement(*required))
    return levels
