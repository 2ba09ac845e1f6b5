"""The season in a small size, and that each of its checks can fail."""

import copy
import io
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from app import db, season
from app.postgres import Server
from app.season.check import check, force_out_of_step
from app.season.plan import Kind, Pair, Plan, Requirement, Size, Totals, Way, make_plan, reached
from app.season.play import Record, connections, play
from app.season.team import connect as take_a_seat
from app.settings import PROJECT
from tests import cluster
from tests.pairs import Connect, Connection, one, rows, rules_off, value
from tests.support import DEADLINE, PREFIX, wait_until

pytestmark = pytest.mark.once

SMALL = Size(students=40, writers=8, processes=2, events=800, raw_sessions=2)
play_tiny = partial(season.run, students=20, writers=4, processes=2, events=300)

Change = Callable[[Connection, Plan], object]


@pytest.mark.slow
def test_season_of_hundreds_of_students_keeps_every_promise(database: str) -> None:
    result = season.run(database, students=200, writers=16, processes=4, events=5_000)
    assert result.ok, str(result)
    assert all(line.kept for line in result.lines), str(result)
    with db.connect(database) as connection:
        assert len(rows(connection, "select from lockstep.desync")) == 1
        tops = rows(
            connection,
            """
            select license.specialization_type, count(*)
            from lockstep.user_licenses as license
            inner join lockstep.specializations as specialization
                on specialization.id = license.specialization_type
            where license.current_level = specialization.max_levels
            group by 1
            """,
        )
    assert len(tops) == 3


# A season that was played, once for the tests that spoil it -----------------------------------


class Played(NamedTuple):
    """What a season left behind."""

    dsn: str
    plan: Plan
    record: Record


@pytest.fixture(scope="module")
def played(server: Server, admin: psycopg.Connection[Any], template: str) -> Iterator[Played]:
    """A small season, in a clone that these tests share; each takes back what it does to it."""
    name = sql.Identifier(f"{PREFIX}season_{os.getpid()}")
    admin.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(template)))
    cluster.settle(admin, f"{PREFIX}season_{os.getpid()}", template)
    try:
        dsn = server.dsn_for(f"{PREFIX}season_{os.getpid()}")
        with db.connect(dsn) as connection:
            plan = season.prepare(connection, SMALL)
        yield Played(dsn, plan, play(dsn, plan, lambda done, total: None))
    finally:
        admin.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def spoiling(played: Played) -> Iterator[Connection]:
    """A superuser's connection, whose transaction is rolled back in the end."""
    with db.connect(played.dsn) as connection:
        # Inside the transaction it is seen no more that one went.
        wait_until(connection, lambda: not connections(connection), "nobody of the season is left")
        with connection.transaction(force_rollback=True):
            yield connection


def broken(connection: Connection, played: Played, record: Record | None = None) -> set[str]:
    """The names of the lines that fail."""
    lines = check(connection, played.plan, record or played.record, patience=0)
    assert all(bool(line.wrong) is (not line.kept) for line in lines)
    return {line.name for line in lines if not line.kept}


def test_nothing_fails_while_nothing_is_spoiled(spoiling: Connection, played: Played) -> None:
    lines = check(spoiling, played.plan, played.record)
    assert [str(line) for line in lines if not line.kept] == []
    kinds = Counter(edit.kind for edit in played.plan.edits)
    assert played.record.log.edits == kinds
    assert kinds.keys() == set(Kind)


# What stands in the database

PROGRESS = "update lockstep.specialization_progress set {} where student_id = %s and specialization_id = %s"
LICENSE = "update lockstep.user_licenses set {} where user_id = %s and specialization_type = %s"
OTHER_LEVEL = "current_level = case current_level when 1 then 2 else current_level - 1 end"


def climber(plan: Plan, edited: bool = False) -> Pair:
    """The player who gained most, of those that raw sessions edited, or of the others."""
    xp: Counter[Pair] = Counter()
    for event in plan.events:
        xp[event.pair] += event.gain.xp
    touched = {edit.pair for edit in plan.edits}
    return max(
        (pair for pair in xp if pair.specialization == "PLAYER" and (pair in touched) is edited),
        key=lambda pair: xp[pair],
    )


def spoil(statement: str) -> Change:
    """One statement on the pair of a climber."""
    return lambda connection, plan: connection.execute(statement.encode(), climber(plan))


def spoil_by_force(*statements: str) -> Change:
    """Statements on the pair of a climber, with no trigger of the two tables on."""

    def change(connection: Connection, plan: Plan) -> None:
        with rules_off(connection):
            for statement in statements:
                connection.execute(statement.encode(), climber(plan))

    return change


def spoil_history(statement: str, edited: bool = False) -> Change:
    """A statement on the license of a climber, with no trigger of the history on."""

    def change(connection: Connection, plan: Plan) -> None:
        pair = climber(plan, edited)
        license_id = value(
            connection,
            "select id from lockstep.user_licenses where user_id = %s and specialization_type = %s",
            *pair,
        )
        connection.execute("alter table lockstep.license_progressions disable trigger all")
        done = connection.execute(statement.encode(), {"user": pair.user, "license": license_id})
        assert done.rowcount == 1

    return change


FIRST_OF = """
    (select min(id) from lockstep.license_progressions
     where user_license_id = %(license)s and route = '{}')
"""
OF_FUNCTION = FIRST_OF.format("function")
OF_RAW_SQL = FIRST_OF.format("raw_sql")
COPY = "select user_id, user_license_id, to_level, to_level, 'raw_sql' from lockstep.license_progressions"

SPOILED: dict[str, tuple[Change, set[str]]] = {
    "one point of XP": (spoil(PROGRESS.format("total_xp = total_xp + 1")), {"totals"}),
    "one session": (spoil(PROGRESS.format("completed_sessions = completed_sessions - 1")), {"totals"}),
    "one project": (spoil(PROGRESS.format("completed_projects = completed_projects + 1")), {"totals"}),
    "a hundredth of an hour": (spoil(PROGRESS.format("practice_hours_completed = 0.01")), {"totals"}),
    "a level by raw SQL that nobody planned": (
        spoil(LICENSE.format(OTHER_LEVEL)),
        {"levels by the rules", "history"},
    ),
    "a level on both sides, without history": (
        spoil_by_force(PROGRESS.format(OTHER_LEVEL), LICENSE.format(OTHER_LEVEL)),
        {"levels by the rules", "levels replayed", "history"},
    ),
    "a level on one side": (
        spoil_by_force(LICENSE.format(OTHER_LEVEL)),
        {"levels by the rules", "levels replayed", "history", "desync in the end"},
    ),
    "a highest level that was never held": (
        spoil_by_force(LICENSE.format("max_achieved_level = max_achieved_level + 1")),
        {"levels by the rules", "levels replayed"},
    ),
    "a row of level_up() gone from the history": (
        spoil_history(f"delete from lockstep.license_progressions where id = {OF_FUNCTION}"),
        {"levels replayed", "history"},
    ),
    "a row of raw SQL gone from the history": (
        spoil_history(f"delete from lockstep.license_progressions where id = {OF_RAW_SQL}", edited=True),
        {"levels replayed", "history"},
    ),
    "a row too many in the history": (
        spoil_history(
            f"""
            insert into lockstep.license_progressions (user_id, user_license_id, from_level, to_level, route)
            {COPY} where user_license_id = %(license)s order by id desc limit 1
            """
        ),
        {"history"},
    ),
    "a remark too many": (
        spoil_history(
            """
            insert into lockstep.license_progressions (user_id, user_license_id, from_level, to_level)
            values (%(user)s, %(license)s, 1, 2)
            """
        ),
        {"history"},
    ),
    "another level in a row of the history": (
        spoil_history(f"update lockstep.license_progressions set from_level = from_level + 1 where id = {OF_FUNCTION}"),
        {"levels replayed", "history"},
    ),
    "a pair that nobody is in": (
        lambda connection, plan: connection.execute(
            "insert into lockstep.specialization_progress (student_id, specialization_id)"
            " select min(id), 'COACH' from lockstep.users where role = 'instructor'"
        ),
        {"totals", "levels replayed"},
    ),
    "a key that is forgotten": (
        lambda connection, plan: connection.execute(
            "delete from lockstep.idempotency_keys where key = %s", [plan.events[0].key]
        ),
        {"retries"},
    ),
    "a key that nobody sent": (
        lambda connection, plan: connection.execute(
            "insert into lockstep.idempotency_keys (user_id, key, function_name, arguments)"
            " values (1, 'unheard of', 'level_up', '[]')"
        ),
        {"retries"},
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_is_spoiled_in_the_database_fails_in_its_lines(spoiling: Connection, played: Played, what: str) -> None:
    change, expected = SPOILED[what]
    change(spoiling, played.plan)
    assert broken(spoiling, played) == expected


# What was seen


def without_an_answer(record: Record) -> None:
    # The only one of its key: a replay would stand for it.
    given = Counter(answer.key for answer in record.log.answers)
    record.log.answers.remove(next(answer for answer in record.log.answers if given[answer.key] == 1))


def with_another_answer(record: Record) -> None:
    # Of a key whose first answer was not lost: alone it would be the first.
    first = {answer.key for answer in record.log.answers if not answer.replayed}
    number, answer = next((n, a) for n, a in enumerate(record.log.answers) if a.replayed and a.key in first)
    record.log.answers[number] = answer._replace(totals=answer.totals._replace(xp=1))


def with_a_replayed_call_done_twice(record: Record) -> None:
    number, answer = next((n, a) for n, a in enumerate(record.log.answers) if a.replayed)
    record.log.answers[number] = answer._replace(replayed=False)


def with_an_unseen_change(record: Record) -> None:
    record.log.changes.pop()


def with_a_change_twice(record: Record) -> None:
    record.log.changes.append(record.log.changes[0])


def with_a_missing_edit(record: Record) -> None:
    record.log.edits[Kind.PROGRESS] -= 1


def with_a_deadlock(record: Record) -> None:
    record.log.retried["40P01"] += 1


def with_a_session_missing(record: Record) -> None:
    record.sessions -= 1


def with_a_desync_seen(record: Record) -> None:
    record.desyncs_seen += 1


def without_a_look(record: Record) -> None:
    record.looks = 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without_an_answer, {"levels replayed", "history", "retries"}),
        (with_another_answer, {"retries"}),
        (with_a_replayed_call_done_twice, {"retries"}),
        (with_an_unseen_change, {"history"}),
        (with_a_change_twice, {"history"}),
        (with_a_missing_edit, {"sessions"}),
        (with_a_deadlock, {"deadlocks"}),
        (with_a_session_missing, {"sessions"}),
        (with_a_desync_seen, {"desync all along"}),
        (without_a_look, {"desync all along"}),
    ],
)
def test_what_was_seen_wrong_fails_in_its_lines(
    spoiling: Connection, played: Played, change: Callable[[Record], None], expected: set[str]
) -> None:
    record = copy.deepcopy(played.record)
    change(record)
    found = broken(spoiling, played, record)
    assert found - {"history"} == expected - {"history"}
    # An answer tells of a change only where the call changed a level.
    assert found == expected or change is without_an_answer


def test_a_connection_that_is_left_fails_in_its_line(spoiling: Connection, played: Played) -> None:
    with take_a_seat(played.dsn, "writer 0", "lockstep_app"):
        assert broken(spoiling, played) == {"connections"}


def test_the_pair_that_is_forced_out_of_step_has_to_be_the_only_one(spoiling: Connection, played: Played) -> None:
    with spoiling.transaction(force_rollback=True):
        assert force_out_of_step(spoiling, played.plan).kept is True
    with rules_off(spoiling):
        other = next(event.pair for event in played.plan.events if event.pair != played.plan.events[0].pair)
        spoiling.execute(LICENSE.format(OTHER_LEVEL).encode(), other)
    assert force_out_of_step(spoiling, played.plan).kept is False


def test_keys_are_armed_again_after_the_force(spoiling: Connection, played: Played) -> None:
    force_out_of_step(spoiling, played.plan)
    assert value(spoiling, "select bool_and(armed) from lockstep.coupled_key_triggers") is True


def test_without_a_superuser_nothing_is_forced(spoiling: Connection, played: Played) -> None:
    spoiling.execute("set role lockstep_owner")
    assert force_out_of_step(spoiling, played.plan).kept is None


# A database with a defect ---------------------------------------------------------------------


def mutate(connection: Connection, function: str, old: str, new: str) -> None:
    """Load a function with a defect."""
    (source,) = one(connection, "select pg_get_functiondef(oid) from pg_proc where proname = %s", function)
    assert old in source
    connection.execute(source.replace(old, new).encode())


@pytest.mark.parametrize(
    ("function", "old", "new", "expected"),
    [
        ("reached_level", "required_xp >", "required_xp >=", {"levels by the rules", "levels replayed"}),
        ("reached_level", "theory_hours >", "theory_hours + 1 >", {"levels replayed"}),
        ("level_up", "if v_stored is not null then", "if false then", {"totals", "retries"}),
    ],
)
def test_a_defect_in_the_sql_breaks_the_season(
    connection: Connection, database: str, function: str, old: str, new: str, expected: set[str]
) -> None:
    mutate(connection, function, old, new)
    result = season.run(database, students=40, writers=8, processes=2, events=800)
    assert expected <= {line.name for line in result.lines if not line.kept}
    assert not result.ok


def test_a_lock_that_is_missing_breaks_the_season(connection: Connection, database: str) -> None:
    mutate(connection, "lock_pair", "for no key update;", ";")
    # Long enough that writers meet, whatever the machine: eight of them are at fewer pairs.
    mutate(connection, "lock_pair", "return row(v_progress", "perform pg_sleep(0.01); return row(v_progress")
    try:
        result = season.run(database, students=4, writers=8, processes=2, events=800)
    except season.SeasonError:
        return  # the keys between the tables refused a commit
    assert "levels replayed" in {line.name for line in result.lines if not line.kept}


# A season that is cut short -------------------------------------------------------------------


@pytest.fixture
def barrier(connect: Connect) -> Connection:
    """A transaction at which whoever writes progress waits: until it ends, no season is over."""
    holder = connect(autocommit=False)
    holder.execute("lock table lockstep.specialization_progress in exclusive mode")
    return holder


def test_a_process_that_is_killed_fails_the_season_and_leaves_no_connection(database: str, barrier: Connection) -> None:
    def kill(done: int, total: int) -> None:
        if not barrier.info.transaction_status:
            return
        for process in multiprocessing.active_children()[:1]:
            process.kill()
        barrier.rollback()

    with pytest.raises(season.SeasonError):
        play_tiny(database, progress=kill)
    assert multiprocessing.active_children() == []


def test_a_call_that_fails_fails_the_season_and_leaves_no_connection(
    connection: Connection, database: str, barrier: Connection
) -> None:
    def forbid(done: int, total: int) -> None:
        connection.execute("revoke execute on all functions in schema lockstep from lockstep_app")
        barrier.rollback()

    with pytest.raises(season.SeasonError):
        play_tiny(database, progress=forbid)
    assert multiprocessing.active_children() == []


# A shell starts what runs in the background deaf to ctrl-c, and so may have begun these tests.
PLAYING = """
import signal, sys
from app import season
signal.signal(signal.SIGINT, signal.default_int_handler)
season.run(sys.argv[1], students=200, writers=8, processes=2, events=5000, progress=season.show_progress())
"""


@pytest.mark.parametrize(
    ("number", "everybody"),
    [(signal.SIGINT, True), (signal.SIGKILL, False)],
    ids=["ctrl-c, which reaches every process", "kill -9 of the one that reads"],
)
def test_a_season_that_is_broken_off_leaves_no_connection(
    database: str, barrier: Connection, number: signal.Signals, everybody: bool
) -> None:
    # The fixture `database` fails when a connection stays.
    playing = subprocess.Popen(
        [sys.executable, "-c", PLAYING, database],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with playing:
        assert playing.stderr is not None
        playing.stderr.readline()
        (os.killpg if everybody else os.kill)(playing.pid, number)
        barrier.rollback()
        assert playing.wait(DEADLINE) == -number


def test_a_season_takes_a_database_of_its_own(connection: Connection, database: str) -> None:
    connection.execute("insert into lockstep.users (email) values ('somebody@example.org')")
    with pytest.raises(season.SeasonError):
        play_tiny(database)
    assert rows(connection, "select from lockstep.specialization_progress") == []


# The plan -------------------------------------------------------------------------------------

HOUR = Decimal("1.00")
CURRICULUM = {
    "COACH": [Requirement(50, 1, HOUR, HOUR), Requirement(100, 2, 3 * HOUR, HOUR), Requirement(300, 4, HOUR, HOUR)],
    "PLAYER": [Requirement(50, 1, None, None), Requirement(100, 2, None, None)],
}


def a_plan(seed: int = 1, processes: int = 2) -> Plan:
    size = Size(students=80, writers=6, processes=processes, events=4_000, raw_sessions=3, seed=seed)
    return make_plan(size, CURRICULUM, range(100, 180), [1, 2])


def test_the_same_seed_gives_the_same_season_and_another_seed_another() -> None:
    assert a_plan() == a_plan()
    assert a_plan().events != a_plan(seed=2).events


def test_every_event_is_sent_and_more_than_a_tenth_of_the_calls_are_retries() -> None:
    plan = a_plan()
    calls: Counter[str] = Counter()
    for send in plan.sends:
        calls[send.event.key] += send.way.commits
    assert calls.keys() == {event.key for event in plan.events}
    assert len(plan.events) == len(calls) == 4_000
    assert 1.10 < calls.total() / len(calls) < 1.13
    assert {send.way for send in plan.sends} == set(Way)


@pytest.mark.parametrize("processes", [1, 2, 3, 6])
def test_writers_who_meet_are_in_one_process_and_meet_in_one_order(processes: int) -> None:
    for team in a_plan(processes=processes).writers:
        meetings: dict[str, list[int]] = {}
        for writer, script in team.items():
            for send in script:
                if send.way is Way.TOGETHER:
                    meetings.setdefault(send.event.key, []).append(writer)
        assert all(len(set(writers)) == len(writers) == 2 for writers in meetings.values())
        orders = [[send.event.key for send in script if send.way is Way.TOGETHER] for script in team.values()]
        assert _can_all_meet(orders)


def _can_all_meet(scripts: Sequence[Sequence[str]]) -> bool:
    """Tell whether writers who each wait for the next meeting of their script get to the end."""
    left = [list(script) for script in scripts]
    while True:
        nexts = Counter(script[0] for script in left if script)
        together = {key for key, count in nexts.items() if count == 2}
        if not together:
            return not any(left)
        left = [script[1:] if script and script[0] in together else script for script in left]


def test_pairs_end_on_a_threshold_just_below_one_and_at_the_top() -> None:
    plan = a_plan()
    sums: dict[Pair, Totals] = {}
    for event in plan.events:
        assert event.gain.xp >= 1
        sums[event.pair] = sums[event.pair].plus(event.gain) if event.pair in sums else event.gain
    assert len(sums) == 100
    coaches = [totals for pair, totals in sums.items() if pair.specialization == "COACH"]
    assert any(totals.theory == Decimal("2.99") for totals in coaches)
    assert any(totals.xp == 299 for totals in coaches)
    assert any((totals.xp, totals.sessions, totals.theory) == (300, 4, 3 * HOUR) for totals in coaches)
    assert {reached(CURRICULUM["COACH"], 1, totals) for totals in coaches} == {1, 2, 3}
    assert not any(totals.theory for pair, totals in sums.items() if pair.specialization == "PLAYER")


def test_a_level_is_reached_one_at_a_time_and_never_lost() -> None:
    coach = CURRICULUM["COACH"]
    assert reached(coach, 1, Totals(300, 4, 0, HOUR, HOUR)) == 1
    assert reached(coach, 1, Totals(300, 4, 0, 3 * HOUR, HOUR)) == 3
    assert reached(coach, 2, Totals(0, 0, 0, HOUR, HOUR)) == 2
    assert reached(coach, 2, Totals(300, 4, 0, HOUR, HOUR)) == 3


def test_a_season_that_makes_no_sense_is_refused() -> None:
    for size in ({"students": 0}, {"writers": 3}, {"events": 2_499}, {"raw_sessions": -1}):
        with pytest.raises(season.SeasonError):
            Size(**size)


def test_progress_is_a_line_for_every_tenth_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    tell = season.show_progress(stream)
    for done in range(0, 1_001, 7):
        tell(done, 1_000)
    tell(1_000, 1_000)
    assert len(stream.getvalue().splitlines()) == 11
