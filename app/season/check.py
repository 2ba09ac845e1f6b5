"""Holds what stands in the database to what was planned and what was seen: a line a promise.

Nothing here asks the database's own functions what is right: sums and levels come from the plan,
by the rule of app/season/plan.py. Every check is exact; a line lists the first things wrong.
"""

import itertools
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from psycopg.rows import namedtuple_row

from app import db
from app.season.plan import NOTHING, Event, Pair, Plan, Totals, Way, reached
from app.season.play import Record, connections
from app.season.team import Answer

SHOWN = 3  # of the things wrong, how many a line shows
PATIENCE = 60.0  # seconds for closed connections to leave pg_stat_activity


class Line(NamedTuple):
    """A promise, whether it was kept, and the figures. None: it could not be tried here."""

    name: str
    kept: bool | None
    figures: str
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        result = {True: "pass", False: "FAIL", None: "skip"}[self.kept]
        shown = "".join(f"\n      {text}" for text in self.wrong[:SHOWN])
        if len(self.wrong) > SHOWN:
            shown += f"\n      … and {len(self.wrong) - SHOWN:,} more"
        return f"{result}  {self.name:<20}  {self.figures}{shown}"


def line(name: str, figures: str, wrong: Iterable[str]) -> Line:
    """A line that passes if nothing is wrong."""
    found = tuple(wrong)
    return Line(name, not found, figures, found)


class Row(NamedTuple):
    """A row of the history."""

    from_level: int | None
    to_level: int
    progress_from: int | None
    route: str
    reason: str | None
    role: str
    transaction: int


class Found(NamedTuple):
    """What stands in the database in the end."""

    totals: dict[Pair, Totals]
    progress: dict[Pair, int]
    licenses: dict[Pair, tuple[int, int]]
    history: dict[Pair, list[Row]]
    keys: Counter[str]
    desyncs: list[Any]


def check(connection: db.Connection, plan: Plan, record: Record, patience: float = PATIENCE) -> list[Line]:
    """Check a season that was played. Everything is read through this one connection."""
    found = _read(connection)
    answers = _answers(record)
    return [
        _check_sessions(plan, record),
        _check_totals(plan, found),
        _check_levels_by_rule(plan, found),
        _check_replay(plan, answers, found),
        _check_history(answers, record, found),
        _check_retries(plan, answers, found),
        _check_desync(found),
        _check_reader(record),
        _check_deadlocks(record),
        _check_connections(connection, patience),
    ]


# What stands in the database ------------------------------------------------------------------


def _read(connection: db.Connection) -> Found:
    found = Found({}, {}, {}, defaultdict(list), Counter(), desyncs(connection))
    for user, specialization, level, *totals in connection.execute(
        """
        select
            student_id, specialization_id, current_level, total_xp, completed_sessions,
            completed_projects, theory_hours_completed, practice_hours_completed
        from lockstep.specialization_progress
        """
    ):
        found.progress[Pair(user, specialization)] = level
        found.totals[Pair(user, specialization)] = Totals(*totals)
    for user, specialization, level, highest in connection.execute(
        "select user_id, specialization_type, current_level, max_achieved_level from lockstep.user_licenses"
    ):
        found.licenses[Pair(user, specialization)] = level, highest
    # Ids are drawn under the lock of the pair: their order is the order of its changes.
    for user, specialization, *row in connection.execute(
        """
        select
            license.user_id, license.specialization_type, progression.from_level,
            progression.to_level, progression.progress_from_level, progression.route,
            progression.advancement_reason, progression.database_role,
            progression.transaction_id::text::bigint
        from lockstep.license_progressions as progression
        inner join lockstep.user_licenses as license
            on license.user_id = progression.user_id
            and license.id = progression.user_license_id
        order by progression.id
        """
    ):
        found.history[Pair(user, specialization)].append(Row(*row))
    found.keys.update(key for (key,) in connection.execute("select key from lockstep.idempotency_keys"))
    return found


def desyncs(connection: db.Connection) -> list[Any]:
    """The rows of the desync view."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute("select * from lockstep.desync").fetchall()


def _answers(record: Record) -> dict[str, list[Answer]]:
    """What the calls of each event returned, the first one's answer before those of retries."""
    answers = defaultdict(list)
    for answer in sorted(record.log.answers, key=lambda answer: answer.replayed):
        answers[answer.key].append(answer)
    return answers


# The lines ------------------------------------------------------------------------------------


def _check_sessions(plan: Plan, record: Record) -> Line:
    size = plan.size
    expected = size.writers + size.raw_sessions + 1
    figures = (
        f"{record.sessions} at once: {size.writers} writers in {size.processes} processes,"
        f" {size.raw_sessions} raw, 1 reader; {record.log.reconnects:,} broke and came back;"
        f" {record.log.edits.total():,} raw edits, {len(record.log.changes):,} changed a level"
    )
    wrong = [] if record.sessions == expected else [f"{record.sessions} sessions, not {expected}"]
    wanted = Counter(edit.kind for edit in plan.edits)
    if record.log.edits != wanted:
        wrong.append(f"raw edits done {record.log.edits}, planned {wanted}")
    return line("sessions", figures, wrong)


def _check_totals(plan: Plan, found: Found) -> Line:
    expected = _sums(plan)
    wrong = [
        f"{_name(pair)}: {found.totals.get(pair)}, not {expected.get(pair)}"
        for pair in sorted(expected.keys() | found.totals.keys())
        if found.totals.get(pair) != expected.get(pair)
    ]
    everything = NOTHING
    for totals in expected.values():
        everything = everything.plus(totals)
    figures = (
        f"{len(expected):,} pairs = the sums of {len(plan.events):,} distinct events:"
        f" {everything.xp:,} XP, {everything.sessions:,} sessions, {everything.projects:,} projects,"
        f" {everything.theory:,} h theory, {everything.practice:,} h practice"
    )
    return line("totals", figures, wrong)


def _check_levels_by_rule(plan: Plan, found: Found) -> Line:
    """Where no raw session was, the sums alone say the level."""
    edited = {edit.pair for edit in plan.edits}
    wrong = []
    levels: Counter[int] = Counter()
    tops = 0
    sums = {pair: totals for pair, totals in _sums(plan).items() if pair not in edited}
    for pair, totals in sums.items():
        steps = plan.curriculum[pair.specialization]
        level = reached(steps, 1, totals)
        levels[level] += 1
        tops += level == len(steps)
        held = found.progress.get(pair), found.licenses.get(pair)
        if held != (level, (level, level)):
            wrong.append(f"{_name(pair)}: progress, (license, highest) {held}, not {level}")
    figures = (
        f"{len(sums):,} pairs without raw edits stand where the rules put their totals:"
        f" {sum((level - 1) * count for level, count in levels.items()):,} levels climbed,"
        f" {tops:,} pairs at the top"
    )
    return line("levels by the rules", figures, wrong)


def _check_replay(plan: Plan, answers: dict[str, list[Answer]], found: Found) -> Line:
    """Every pair: one serial order explains every answer, every history row and the end."""
    events = defaultdict(list)
    for event in plan.events:
        events[event.pair].append(event)
    wrong = []
    for pair in sorted(events.keys() | found.progress.keys() | found.licenses.keys()):
        problem = _replay(plan, pair, events[pair], answers, found)
        if problem:
            wrong.append(f"{_name(pair)}: {problem}")
    rows = sum(row.route != "client" for row in itertools.chain.from_iterable(found.history.values()))
    figures = (
        f"{len(events):,} pairs replayed, {len(answers):,} answers and {rows:,} changes in one serial"
        " order each, every step as the rules say, to the level that both records hold"
    )
    return line("levels replayed", figures, wrong)


def _replay(
    plan: Plan,
    pair: Pair,
    events: Sequence[Event],
    answers: dict[str, list[Answer]],
    found: Found,
) -> str | None:
    """What is wrong with a pair, if anything.

    Every event gains XP, so the totals in the answers tell the order of the calls. Between them
    stand the raw edits, in the order of the history. A call that changed a level has its row there;
    one that did not goes to the first place where the levels that it saw are held: if any order
    explains the pair, this one does.
    """
    steps = plan.curriculum[pair.specialization]
    rows = deque(row for row in found.history.get(pair, ()) if row.route != "client")
    level: int | None = None
    highest = 1
    totals = NOTHING

    def follow(row: Row) -> None:
        nonlocal level, highest
        if (row.from_level, row.progress_from) != (level, None):
            raise _WrongError(f"{row} does not start at level {level}")
        level = row.to_level
        highest = max(highest, level)

    try:
        seen = [(answers[event.key][0], event) for event in events if answers.get(event.key)]
        if len(seen) < len(events):
            raise _WrongError(f"{len(events) - len(seen)} events without an answer")
        for answer, event in sorted(seen, key=lambda step: step[0].totals.xp):
            before = answer.progress_old, answer.max_achieved
            while rows and rows[0].route == "raw_sql" and (answer.history or (level, highest) != before):
                follow(rows.popleft())
            totals = totals.plus(event.gain)
            new = reached(steps, level or 1, totals)
            expected = (level, new, level, new, max(highest, new), totals, new != (level or 1), False)
            if answer[1:9] != expected:
                raise _WrongError(f"{answer}, not {expected}")
            if answer.history:
                if not rows or rows[0].reason != event.key:
                    raise _WrongError(f"no history row of {answer}")
                follow(rows.popleft())
            level = new
        while rows and rows[0].route == "raw_sql":
            follow(rows.popleft())
    except _WrongError as problem:
        return str(problem)
    if rows:
        return f"nothing explains {rows[0]}"
    held = found.progress.get(pair), found.licenses.get(pair)
    if held != (level, (level, highest)):
        return f"progress, (license, highest) {held}, not {level}, ({level}, {highest})"
    return None


class _WrongError(Exception):
    """The first thing in a pair that no serial order explains."""


def _check_history(answers: dict[str, list[Answer]], record: Record, found: Found) -> Line:
    """One row for each change that a caller saw, and none besides; each begins where one ended."""
    by_call = Counter(answer.key for answer, *_ in answers.values() if answer.history)
    by_hand = Counter((change.transaction, change.pair, change.level) for change in record.log.changes)
    called: Counter[str] = Counter()
    edited: Counter[tuple[int, Pair, int]] = Counter()
    remarks = 0
    wrong = []
    for pair, rows in found.history.items():
        level = None
        for row in rows:
            if row.route == "client":
                remarks += 1
                continue
            if row.from_level != level and not (level is None and row.from_level == 1):
                wrong.append(f"{_name(pair)}: {row} follows level {level}")
            level = row.to_level
            if (row.route, row.role) == ("function", "lockstep_app"):
                called[row.reason or ""] += 1
            elif (row.route, row.role) == ("raw_sql", "lockstep_legacy"):
                edited[row.transaction, pair, row.to_level] += 1
            else:
                wrong.append(f"{_name(pair)}: nobody did {row}")
        if level is not None and (found.progress.get(pair), found.licenses[pair][0]) != (level, level):
            wrong.append(f"{_name(pair)}: the history ends at level {level}, the records do not")
    wrong += [f"{name}: changes, but no row" for name in (by_call - called) | (by_hand - edited)]
    wrong += [f"{name}: a row too many" for name in (called - by_call) | (edited - by_hand)]
    if remarks != record.log.remarks:
        wrong.append(f"{remarks} remarks of clients, {record.log.remarks} were made")
    figures = (
        f"{called.total() + edited.total():,} rows, one a change, without a gap: {called.total():,} by"
        f" level_up(), {edited.total():,} by raw SQL; {remarks:,} remarks of clients besides"
    )
    return line("history", figures, wrong)


def _check_retries(plan: Plan, answers: dict[str, list[Answer]], found: Found) -> Line:
    """A key's first call does it; every other one gets the same answer, marked as replayed."""
    commits: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for send in plan.sends:
        commits[send.event.key] += send.way.commits
        lost[send.event.key] += send.way is Way.LOST_ANSWER
    wrong = [f"{key}: was sent, but is not kept" for key in commits if key not in found.keys]
    wrong += [f"{key}: is kept, but was not sent" for key in found.keys if key not in commits]
    wrong += [f"{key}: kept {count} times" for key, count in found.keys.items() if count > 1]
    replayed = 0
    for key, calls in commits.items():
        given = answers.get(key, [])
        again = sum(answer.replayed for answer in given)
        replayed += again
        if (again, len(given)) != (calls - 1, calls - lost[key]):
            wrong.append(f"{key}: {calls} calls, {lost[key]} of them lost, but {len(given)} answers, {again} replayed")
        if len({answer._replace(replayed=False) for answer in given}) > 1:
            wrong.append(f"{key}: answers differ: {given}")
    sent = commits.total() - len(commits)
    figures = (
        f"{sent:,} retries sent, {replayed:,} answered with the first answer; {len(found.keys):,} keys,"
        f" {commits.total():,} calls"
    )
    return line("retries", figures, wrong)


def _check_desync(found: Found) -> Line:
    wrong = [str(row) for row in found.desyncs]
    return line("desync in the end", f"{len(wrong)} pairs out of step", wrong)


def _check_reader(record: Record) -> Line:
    wrong = [f"{record.desyncs_seen} rows seen"] if record.desyncs_seen else []
    if not record.looks:
        wrong.append("the reader never looked")
    figures = f"{record.desyncs_seen} pairs out of step in {record.looks:,} looks of the reader"
    return line("desync all along", figures, wrong)


def _check_deadlocks(record: Record) -> Line:
    retried = record.log.retried
    figures = (
        f"{retried['40P01']} (40P01); retried besides: {retried['40001']} serialization failures"
        f" (40001), {retried['23505']} racing upserts (23505)"
    )
    return line("deadlocks", figures, [figures] if retried["40P01"] else [])


def _check_connections(connection: db.Connection, patience: float) -> Line:
    """A server process goes a moment after its client: look until it is gone."""
    deadline = time.monotonic() + patience
    while (left := connections(connection)) and time.monotonic() < deadline:
        pass
    return line("connections", f"{len(left)} left in pg_stat_activity", left)


def force_out_of_step(connection: db.Connection, plan: Plan) -> Line:
    """As superuser, take the rules away and change one side: the view shows it, and only it."""
    name = "forced out of step"
    if connection.execute("select current_setting('is_superuser')").fetchone() != ("on",):
        return Line(name, None, "only a superuser can take the rules away")
    pair = plan.events[0].pair
    with connection.transaction():
        connection.execute("alter table lockstep.specialization_progress disable trigger all")
        connection.execute(
            """
            update lockstep.specialization_progress
            set current_level = case current_level when 1 then 2 else current_level - 1 end
            where student_id = %s and specialization_id = %s
            """,
            pair,
        )
        connection.execute("alter table lockstep.specialization_progress enable trigger all")
        connection.execute("select lockstep.arm_keys()")  # those that fire ALWAYS were set back
    shown = desyncs(connection)
    right = [Pair(row.user_id, row.specialization) for row in shown] == [pair]
    columns = (f"{column} {value}" for row in shown for column, value in row._asdict().items())
    figures = f"a superuser moved {_name(pair)}; the desync view shows {len(shown)} row"
    return Line(name, right, f"{figures}\n      {', '.join(columns)}")


def _sums(plan: Plan) -> dict[Pair, Totals]:
    """What the distinct events add up to."""
    sums: dict[Pair, Totals] = {}
    for event in plan.events:
        sums[event.pair] = sums.get(event.pair, NOTHING).plus(event.gain)
    return sums


def _name(pair: Pair) -> str:
    return f"user {pair.user} {pair.specialization}"
