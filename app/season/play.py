"""Plays a season: the processes of writers and raw sessions, and the reader beside them.

The reader is this process: at every report of another it looks at the desync view.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from app import db
from app.season.plan import Plan, SeasonError
from app.season.team import APPLICATION, Failed, Log, Orders, Ready, connect, work

GRACE = 90  # seconds for a process to end its statements: more than their timeout

Progress = Callable[[int, int], None]


@dataclass
class Record:
    """What was seen in a season: by the threads, by the reader, and by the clock."""

    log: Log = field(default_factory=Log)
    looks: int = 0
    desyncs_seen: int = 0
    sessions: int = 0
    seconds: float = 0.0


class Team:
    """Another process, as this one sees it."""

    def __init__(self, orders: Orders) -> None:
        context = get_context("spawn")
        self.link, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=work, args=(orders, theirs), daemon=True)
        try:
            self.process.start()
        finally:
            theirs.close()

    def receive(self) -> Ready | int | Log:
        """Wait for its next message; raises SeasonError when it failed or died."""
        try:
            message: Ready | int | Log | Failed = self.link.recv()
        except (EOFError, ConnectionResetError):
            self.process.join(GRACE)
            raise SeasonError(f"a process of writers died: exit code {self.process.exitcode}") from None
        if isinstance(message, Failed):
            raise SeasonError(f"a process of writers failed\n\n{message.why}")
        return message

    def end(self) -> None:
        """Wait until it is gone; its link is closed, so it ends after the statements it is in."""
        self.process.join(GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


def play(dsn: str, plan: Plan, progress: Progress) -> Record:
    """Play the plan to its end; progress is told the sends that are done, and how many there are.

    Raises SeasonError when a process fails or dies. However it ends, no connection stays.
    """
    record = Record()
    total = sum(1 for _ in plan.sends)
    done = 0
    with connect(dsn, "reader") as reader, _teams(dsn, plan) as teams:
        for team in teams:
            team.receive()
        record.sessions = 1 + len(connections(reader))
        started = time.perf_counter()
        for team in teams:
            team.link.send("go")
        progress(done, total)
        playing = list(teams)
        while playing:
            ready = wait([team.link for team in playing])
            for team in [team for team in playing if team.link in ready]:
                message = team.receive()
                if isinstance(message, int):
                    done += message
                    progress(done, total)
                elif isinstance(message, Log):
                    record.log.add(message)
                    playing.remove(team)
            record.looks += 1
            record.desyncs_seen += _desyncs(reader)
        record.seconds = time.perf_counter() - started
        progress(total, total)
    return record


@contextmanager
def _teams(dsn: str, plan: Plan) -> Iterator[list[Team]]:
    """Start a process for each part of the plan; in the end stop them all, by closing their links."""
    teams: list[Team] = []
    try:
        for writers, raw_sessions in zip(plan.writers, plan.raw_sessions, strict=True):
            teams.append(Team(Orders(dsn, writers, raw_sessions)))
        yield teams
    finally:
        for team in teams:
            team.link.close()
        for team in teams:
            team.end()


def connections(connection: db.Connection) -> list[str]:
    """The season's other connections to this database, by name."""
    rows = connection.execute(
        """
        select application_name
        from pg_stat_activity
        where datname = current_database()
            and pid <> pg_backend_pid()
            and starts_with(application_name, %s)
        order by application_name
        """,
        [f"{APPLICATION} "],
    )
    return [name for (name,) in rows]


def _desyncs(reader: db.Connection) -> int:
    row = reader.execute("select count(*) from lockstep.desync").fetchone()
    assert row is not None
    count: int = row[0]
    return count
