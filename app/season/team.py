"""One process of the season: some writers and raw sessions, a thread and a connection each.

The parent says go once every process is ready; a closed link says stop, whoever closed it. What
the threads saw goes back in one Log, after their connections are closed.
"""

import signal
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Link
from typing import Any, NamedTuple

from psycopg import errors

from app import db
from app.season.plan import Edit, Event, Kind, Pair, Send, Totals, Way

APPLICATION = "lockstep season"  # every connection's application_name begins so
REPORT_EVERY = 100  # sends between two reports of a process
STATEMENT_TIMEOUT = "60s"  # a call that hangs fails the season


@dataclass(frozen=True)
class Orders:
    """What one process does: scripts by number of the writer or raw session."""

    dsn: str
    writers: dict[int, list[Send]]
    raw_sessions: dict[int, list[Edit]]


class Answer(NamedTuple):
    """What level_up() returned."""

    key: str
    progress_old: int | None
    progress_new: int
    license_old: int | None
    license_new: int
    max_achieved: int
    totals: Totals
    history: bool
    desync: bool
    replayed: bool


class Change(NamedTuple):
    """A level that raw SQL changed: the transaction, and the level it left."""

    transaction: int
    pair: Pair
    level: int


@dataclass
class Log:
    """What was seen. Retried: SQLSTATEs of statements that were sent again."""

    answers: list[Answer] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    edits: Counter[Kind] = field(default_factory=Counter)
    remarks: int = 0
    reconnects: int = 0
    retried: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Log") -> None:
        """Take in what another thread or process saw."""
        self.answers += other.answers
        self.changes += other.changes
        self.edits += other.edits
        self.remarks += other.remarks
        self.reconnects += other.reconnects
        self.retried += other.retried


class Ready(NamedTuple):
    """The process has its connections."""


class Failed(NamedTuple):
    """The process had to give up, and why."""

    why: str


class StoppedError(Exception):
    """Another thread failed, or the parent wants no more."""


def connect(dsn: str, name: str, role: str = "none") -> db.Connection:
    """Open a connection that pg_stat_activity shows under a name of the season."""
    connection = db.connect(dsn)
    settings = {"application_name": f"{APPLICATION} {name}", "statement_timeout": STATEMENT_TIMEOUT, "role": role}
    try:
        for setting, value in settings.items():
            connection.execute("select set_config(%s, %s, false)", [setting, value])
    except BaseException:
        connection.close()
        raise
    return connection


class Seat:
    """A place with one connection, which can break and be opened anew."""

    def __init__(self, dsn: str, name: str, role: str) -> None:
        self._open: Callable[[], db.Connection] = lambda: connect(dsn, name, role)
        self.connection = self._open()

    def break_connection(self) -> None:
        """Close the connection, whatever goes on in it, and open another."""
        self.connection.close()
        self.connection = self._open()

    def close(self) -> None:
        """Close the connection for good."""
        self.connection.close()


class Pace:
    """What the threads of a process know of each other: how far they are, and whether to stop."""

    def __init__(self, meetings: Sequence[str], report: Callable[[int], None]) -> None:
        self._turn = threading.Condition()
        self._sent = 0
        self._stopped = False
        self._report = report
        self._meetings = {key: threading.Barrier(2) for key in meetings}

    def step(self) -> None:
        """Count one more send."""
        with self._turn:
            self._sent += 1
            if self._sent % REPORT_EVERY == 0:
                self._report(REPORT_EVERY)
            self._turn.notify_all()

    def wait_for(self, sent: int) -> None:
        """Return when so many sends are done."""
        with self._turn:
            self._turn.wait_for(lambda: self._stopped or self._sent >= sent)
        self.check()

    def meet(self, key: str) -> None:
        """Return when the other writer of this event is here too."""
        with suppress(threading.BrokenBarrierError):
            self._meetings[key].wait()
        self.check()

    def check(self) -> None:
        """Raise when it is time to stop."""
        if self._stopped:
            raise StoppedError

    def stop(self) -> None:
        """Wake and end every thread, each after the statement it is in."""
        with self._turn:
            self._stopped = True
            self._turn.notify_all()
        for meeting in self._meetings.values():
            meeting.abort()


# The process ----------------------------------------------------------------------------------


def work(orders: Orders, link: "Link[Any, Any]") -> None:
    """Do the orders: Ready, wait for the word, numbers of sends done, and a Log or Failed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which closes the link
    with suppress(BrokenPipeError, ConnectionResetError, EOFError):  # nobody listens any more
        link.send(_outcome(orders, link))


def _outcome(orders: Orders, link: "Link[Any, Any]") -> Log | Failed:
    sends = [send for script in orders.writers.values() for send in script]
    pace = Pace([send.event.key for send in sends if send.way is Way.TOGETHER], link.send)
    try:
        with ExitStack() as seats:

            def seat(kind: str, number: int, role: str) -> Seat:
                taken = Seat(orders.dsn, f"{kind} {number}", role)
                seats.callback(taken.close)
                return taken

            writers = [(seat("writer", number, "lockstep_app"), script) for number, script in orders.writers.items()]
            raw_sessions = [
                (seat("raw session", number, "lockstep_legacy"), script)
                for number, script in orders.raw_sessions.items()
            ]
            link.send(Ready())
            link.recv()
            threading.Thread(target=_listen, args=[link, pace], daemon=True).start()
            with ThreadPoolExecutor(len(writers) + len(raw_sessions)) as pool:
                threads = [pool.submit(write, *writer, pace) for writer in writers]
                threads += [pool.submit(edit, *session, pace, len(sends)) for session in raw_sessions]
                try:
                    wait(threads, return_when=FIRST_EXCEPTION)
                finally:
                    pace.stop()
            return _merged(threads)
    except (BrokenPipeError, ConnectionResetError, EOFError):
        raise
    except Exception:
        return Failed(traceback.format_exc())


def _listen(link: "Link[Any, Any]", pace: Pace) -> None:
    with suppress(OSError, EOFError):
        link.recv()
    pace.stop()


def _merged(threads: Sequence["Future[Log]"]) -> Log:
    """All that the threads saw; raises the first thing that stopped them."""
    errors_seen = [error for error in (thread.exception() for thread in threads) if error]
    for error in sorted(errors_seen, key=lambda error: isinstance(error, StoppedError)):
        raise error
    log = Log()
    for thread in threads:
        log.add(thread.result())
    return log


# Writers --------------------------------------------------------------------------------------

TOTALS = "total_xp", "completed_sessions", "completed_projects", "theory_hours", "practice_hours"
RETRYABLE = errors.SerializationFailure, errors.DeadlockDetected


def write(seat: Seat, script: Sequence[Send], pace: Pace) -> Log:
    """Play a writer: send every event of its script, in the way that it says."""
    log = Log()
    for send in script:
        pace.check()
        if send.way is Way.TOGETHER:
            pace.meet(send.event.key)
        elif send.way is Way.LOST_CALL:
            _lose_call(seat, send.event, log)
        elif send.way is Way.LOST_ANSWER:
            _call(seat, send.event, log)
            seat.break_connection()
            log.reconnects += 1
        elif send.way is Way.AGAIN:
            log.answers.append(_call(seat, send.event, log))
        log.answers.append(_call(seat, send.event, log))
        pace.step()
    return log


def _call(seat: Seat, event: Event, log: Log) -> Answer:
    """Call level_up(), again where it says that a retry helps."""
    while True:
        try:
            return _call_once(seat, event)
        except RETRYABLE as error:
            log.retried[str(error.sqlstate)] += 1


def _call_once(seat: Seat, event: Event) -> Answer:
    row = db.call(
        seat.connection,
        "level_up",
        user_id=event.pair.user,
        specialization_id=event.pair.specialization,
        xp_gained=event.gain.xp,
        sessions_completed=event.gain.sessions,
        projects_completed=event.gain.projects,
        theory_hours=event.gain.theory,
        practice_hours=event.gain.practice,
        advanced_by=event.instructor,
        reason=event.key,
        idempotency_key=event.key,
    )
    return Answer(
        event.key,
        row["progress_old_level"],
        row["progress_new_level"],
        row["license_old_level"],
        row["license_new_level"],
        row["max_achieved_level"],
        Totals(*(row[column] for column in TOTALS)),
        row["progression_created"],
        row["desync"],
        row["replayed"],
    )


def _lose_call(seat: Seat, event: Event, log: Log) -> None:
    """Call, and lose the connection before the commit: the database takes it all back."""
    seat.connection.execute("begin")
    try:
        _call_once(seat, event)
    except RETRYABLE as error:
        log.retried[str(error.sqlstate)] += 1
    seat.break_connection()
    log.reconnects += 1


# Raw sessions ---------------------------------------------------------------------------------

# Of one row, and only where the level differs: a row comes back if, and only if, it changed.
CHANGES = {
    Kind.PROGRESS: """
        update lockstep.specialization_progress
        set current_level = %(level)s
        where student_id = %(user)s
            and specialization_id = %(specialization)s
            and current_level <> %(level)s
    """,
    Kind.LICENSE: """
        update lockstep.user_licenses
        set current_level = %(level)s
        where user_id = %(user)s
            and specialization_type = %(specialization)s
            and current_level <> %(level)s
    """,
    Kind.UPSERT_PROGRESS: """
        insert into lockstep.specialization_progress as progress (
            student_id, specialization_id, current_level
        )
        values (%(user)s, %(specialization)s, %(level)s)
        on conflict (student_id, specialization_id) do update
        set current_level = excluded.current_level
        where progress.current_level <> excluded.current_level
    """,
    Kind.UPSERT_LICENSE: """
        insert into lockstep.user_licenses as license (user_id, specialization_type, current_level)
        values (%(user)s, %(specialization)s, %(level)s)
        on conflict (user_id, specialization_type) do update
        set current_level = excluded.current_level
        where license.current_level <> excluded.current_level
    """,
}

TOUCHES = {
    Kind.TOUCH_PROGRESS: """
        update lockstep.specialization_progress
        set last_activity = now()
        where student_id = %(user)s and specialization_id = %(specialization)s
    """,
    Kind.TOUCH_LICENSE: """
        update lockstep.user_licenses
        set instructor_notes = 'seen'
        where user_id = %(user)s and specialization_type = %(specialization)s
    """,
}

LOCK_PROGRESS = """
    select current_level
    from lockstep.specialization_progress
    where student_id = %(user)s and specialization_id = %(specialization)s
    for update
"""

LOCK_LICENSE = """
    select current_level, id
    from lockstep.user_licenses
    where user_id = %(user)s and specialization_type = %(specialization)s
    for update
"""

SET_PROGRESS = """
    update lockstep.specialization_progress
    set current_level = %(level)s
    where student_id = %(user)s and specialization_id = %(specialization)s
"""

SET_LICENSE = """
    update lockstep.user_licenses
    set current_level = %(level)s
    where user_id = %(user)s and specialization_type = %(specialization)s
"""

REMARK = """
    insert into lockstep.license_progressions (
        user_license_id, from_level, to_level, advancement_reason
    )
    values (%(license)s, %(from)s, %(level)s, 'by hand')
"""


def edit(seat: Seat, script: Sequence[Edit], pace: Pace, sends: int) -> Log:
    """Play a raw session: its edits, spread over all that the writers of this process send."""
    log = Log()
    for number, step in enumerate(script):
        pace.wait_for(sends * number // len(script))
        transaction = _edit(seat, step, log)
        log.edits[step.kind] += 1
        if transaction is not None:
            log.changes.append(Change(transaction, step.pair, step.level))
    return log


def _edit(seat: Seat, step: Edit, log: Log) -> int | None:
    """Do one edit, again where a retry helps; return the transaction if it changed the level."""
    values = {**step.pair._asdict(), "level": step.level}
    while True:
        try:
            if step.kind in (Kind.BOTH_LOCKED, Kind.LICENSE_LOCKED):
                return _edit_locked(seat, step.kind, values, log)
            if step.kind in TOUCHES:
                seat.connection.execute(TOUCHES[step.kind].encode(), values)
                return None
            with seat.connection.transaction():
                changed = seat.connection.execute(CHANGES[step.kind].encode(), values).rowcount
                return _transaction(seat.connection) if changed else None
        except (*RETRYABLE, errors.UniqueViolation) as error:
            # An upsert that races the first event of its pair may get 23505.
            log.retried[str(error.sqlstate)] += 1


def _transaction(connection: db.Connection) -> int:
    """The number of the transaction under way; asked by itself, as a cluster's UPDATE does not return it."""
    (number,) = connection.execute("select pg_current_xact_id()::text::bigint").fetchall()[0]
    return int(number)


def _edit_locked(seat: Seat, kind: Kind, values: dict[str, Any], log: Log) -> int | None:
    """What applications did before: lock, look, write; a pair that is not there yet is left."""
    connection = seat.connection
    with connection.transaction():
        if kind is Kind.BOTH_LOCKED:
            connection.execute(LOCK_PROGRESS, values)
        held = connection.execute(LOCK_LICENSE, values).fetchone()
        if held is None:
            return None
        level, license_id = held
        assert connection.execute(SET_LICENSE, values).rowcount
        transaction = _transaction(connection)
        if kind is Kind.BOTH_LOCKED:
            connection.execute(SET_PROGRESS, values)
            connection.execute(REMARK, {**values, "license": license_id, "from": level})
    log.remarks += kind is Kind.BOTH_LOCKED
    return transaction if level != values["level"] else None
