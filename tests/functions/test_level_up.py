"""level_up() (B2, B3, B4, B7): the level that the totals reach, on every threshold there is."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import partial

import pytest

from app.settings import PROJECT
from tests.pairs import (
    Connect,
    Connection,
    at_once,
    background,
    desyncs,
    history,
    level_up,
    levels,
    license,
    one,
    plant,
    progress,
    refused,
    rows,
    update_level,
)
from tests.support import wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")


@dataclass(frozen=True)
class Totals:
    """Totals since the start, by the names of level_up()'s parameters."""

    xp_gained: int
    sessions_completed: int
    theory_hours: Decimal
    practice_hours: Decimal


# One less of each requirement: the smallest step that its type has.
STEPS = {
    "xp_gained": 1,
    "sessions_completed": 1,
    "theory_hours": Decimal("0.01"),
    "practice_hours": Decimal("0.01"),
}


def curriculum() -> dict[str, dict[int, Totals]]:
    """What each level of each specialization asks for, from the file that the school keeps."""
    found: dict[str, dict[int, Totals]] = {}
    with (PROJECT / "sql" / "curriculum" / "levels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["specialization_id"], {})[int(row["level"])] = Totals(
                int(row["required_xp"]),
                int(row["required_sessions"]),
                Decimal(row["theory_hours"] or 0),
                Decimal(row["practice_hours"] or 0),
            )
    return found


CURRICULUM = curriculum()


def most(levels: list[Totals]) -> Totals:
    """The least totals that meet all of these levels: hours do not grow with the level."""
    return Totals(
        max(level.xp_gained for level in levels),
        max(level.sessions_completed for level in levels),
        max(level.theory_hours for level in levels),
        max(level.practice_hours for level in levels),
    )


def thresholds() -> Iterator[tuple[str, int, str]]:
    """Every requirement of every level above the first."""
    for specialization, required in CURRICULUM.items():
        for level in sorted(required)[1:]:
            for name in STEPS:
                if getattr(required[level], name):
                    yield specialization, level, name


def rule(specialization: str, totals: Totals) -> int:
    """The rule in words of its own: go up one level at a time while everything is met."""
    level = 1
    while (required := CURRICULUM[specialization].get(level + 1)) and all(
        getattr(totals, name) >= getattr(required, name) for name in STEPS
    ):
        level += 1
    return level


def first_call(connection: Connection, specialization: str, totals: Totals) -> tuple[int, int]:
    """The levels after one level_up() with these totals on a fresh pair, which is rolled back."""
    connection.execute("begin")
    level_up(connection, 1, specialization, **asdict(totals))
    found = levels(connection, 1, specialization)
    connection.execute("rollback")
    assert found[0] is not None
    assert found[1] is not None
    return found[0], found[1]


def test_the_curriculum_has_nineteen_levels_and_every_kind_of_requirement() -> None:
    assert {name: len(levels) for name, levels in CURRICULUM.items()} == {
        "PLAYER": 8,
        "COACH": 8,
        "INTERNSHIP": 3,
    }
    assert len(list(thresholds())) == 7 * 2 + 7 * 4 + 2 * 2


def test_at_every_threshold_the_level_is_reached_and_just_below_it_is_not(
    connection: Connection,
) -> None:
    for specialization, level, name in thresholds():
        required = CURRICULUM[specialization]
        met = most([required[n] for n in range(2, level + 1)])
        own = getattr(required[level], name)
        at = replace(met, **{name: own})
        below = replace(met, **{name: own - STEPS[name]})
        above = replace(met, **{name: getattr(met, name) + STEPS[name]})
        case = specialization, level, name

        assert rule(specialization, below) < level, case
        assert first_call(connection, specialization, below) == (rule(specialization, below),) * 2, case
        assert first_call(connection, specialization, above) == (level, level), case
        # Where a lower level asks for more hours than this one, that one stops the walk.
        assert first_call(connection, specialization, at) == (rule(specialization, at),) * 2, case
        assert first_call(connection, specialization, met) == (level, level), case


def test_at_every_threshold_the_missing_bit_lifts_a_pair_from_the_level_below(
    connection: Connection,
) -> None:
    for specialization, level, name in thresholds():
        required = CURRICULUM[specialization][level]
        step = STEPS[name]
        case = specialization, level, name
        connection.execute("begin")
        update_level(connection, 1, specialization, level - 1)
        below = replace(required, **{name: getattr(required, name) - step})
        answer = level_up(connection, 1, specialization, **asdict(below))
        assert answer.license_new_level == level - 1, case
        answer = level_up(connection, 1, specialization, **{name: step})
        assert answer.license_new_level == answer.progress_new_level == level, case
        assert levels(connection, 1, specialization) == (level, level), case
        connection.execute("rollback")


def test_the_row_of_level_one_is_never_a_condition(connection: Connection) -> None:
    connection.execute(
        "update lockstep.specialization_levels set required_xp = 1000000, required_sessions = 1000000 where level = 1"
    )
    answer = level_up(connection, 1, "PLAYER", 25_000, 12)
    assert answer.license_new_level == 2


def test_a_first_call_with_nothing_makes_a_pair_at_level_one(connection: Connection) -> None:
    answer = level_up(connection, 1, "PLAYER")
    assert (answer.progress_new_level, answer.license_new_level) == (1, 1)
    assert not answer.progression_created
    assert history(connection) == []


def test_total_hours_are_shown_and_not_checked(connection: Connection) -> None:
    answer = level_up(connection, 1, "INTERNSHIP", 28_000, 22)
    assert answer.license_new_level == 3


def test_the_walk_stops_at_the_first_level_that_is_not_met(connection: Connection) -> None:
    connection.execute(
        "update lockstep.specialization_levels set required_sessions = 100"
        " where specialization_id = 'PLAYER' and level = 4"
    )
    answer = level_up(connection, 1, "PLAYER", 250_000, 99)
    assert answer.license_new_level == 3


def test_one_award_can_jump_several_levels_and_is_one_history_row(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER", 1)
    answer = level_up(connection, 1, "PLAYER", 99_999, 20)
    assert (answer.progress_old_level, answer.progress_new_level) == (1, 5)
    assert history(connection) == [(1, 5, "function")]


def test_totals_add_up_over_calls(connection: Connection) -> None:
    for _ in range(3):
        answer = level_up(connection, 1, "COACH", 12_000, 6, 1, "13.34", 20)
    assert (answer.total_xp, answer.completed_sessions, answer.completed_projects) == (36_000, 18, 3)
    assert (answer.theory_hours, answer.practice_hours) == (Decimal("40.02"), 60)
    assert answer.license_new_level == 2


def test_it_stops_at_the_top(connection: Connection) -> None:
    assert level_up(connection, 1, "PLAYER", 10**12, 10**6).license_new_level == 8
    answer = level_up(connection, 1, "PLAYER", 10**12, 10**6)
    assert (answer.license_new_level, answer.progression_created) == (8, False)
    assert answer.total_xp == 2 * 10**12


def test_it_never_lowers(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 5)
    answer = level_up(connection, 1, "PLAYER", 1)
    assert (answer.license_new_level, answer.total_xp) == (5, 1)
    assert levels(connection) == (5, 5)


def test_from_a_level_given_by_hand_the_next_one_asks_for_its_own_requirements_only(
    connection: Connection,
) -> None:
    update_level(connection, 1, "COACH", 5)
    required = CURRICULUM["COACH"][6]
    answer = level_up(connection, 1, "COACH", **asdict(required))
    assert answer.license_new_level == 6


def test_a_gain_is_neither_negative_nor_null(connection: Connection) -> None:
    level_up(connection, 1, "COACH", 100, 5, 5, 5, 5)
    gains: list[dict[str, object]] = [
        {"xp_gained": -1},
        {"sessions_completed": -1},
        {"projects_completed": -1},
        {"theory_hours": "-0.01"},
        {"practice_hours": -1},
        {"xp_gained": None},
        {"practice_hours": None},
    ]
    for gain in gains:
        with refused("LS006"):
            level_up(connection, 1, "COACH", **gain)
    assert progress(connection, 1, "COACH").total_xp == 100


def test_hours_where_none_are_counted_are_refused(connection: Connection) -> None:
    for specialization in "PLAYER", "INTERNSHIP":
        for hours in "theory_hours", "practice_hours":
            with refused("LS005"):
                level_up(connection, 1, specialization, 100, **{hours: 1})
        assert levels(connection, 1, specialization) == (None, None)


@pytest.mark.parametrize("hours", ["theory_hours", "practice_hours"])
def test_hours_that_are_no_number_are_refused_and_lift_nobody(connection: Connection, hours: str) -> None:
    level_up(connection, 1, "COACH", 320_000, 35)
    with refused("23514", "LS006"):
        level_up(connection, 1, "COACH", 0, 0, 0, **{hours: "NaN"})
    assert levels(connection, 1, "COACH") == (1, 1)


def test_an_unknown_user_or_specialization_is_refused(connection: Connection) -> None:
    with refused("LS001"):
        level_up(connection, 999, "PLAYER", 1)
    with refused("LS002"):
        level_up(connection, 1, "JUGGLER", 1)


# A pair out of step ---------------------------------------------------------------------------


@pytest.mark.parametrize("found", [(2, 5), (5, 2), (1, 8)])
def test_on_a_mismatch_it_adds_the_xp_changes_no_level_and_says_desync(
    connection: Connection, found: tuple[int, int]
) -> None:
    plant(connection, *found)
    answer = level_up(connection, 1, "PLAYER", 250_000, 30)
    assert answer.desync
    assert not answer.progression_created
    assert (answer.progress_old_level, answer.license_old_level) == found
    assert (answer.progress_new_level, answer.license_new_level) == found
    assert answer.total_xp == 250_000
    assert progress(connection).total_xp == 250_000
    assert levels(connection) == found
    assert history(connection) == []
    assert desyncs(connection) == 1


def test_a_missing_license_stays_missing(connection: Connection) -> None:
    plant(connection, 3, None)
    answer = level_up(connection, 1, "PLAYER", 250_000, 30)
    assert answer.desync
    assert (answer.progress_new_level, answer.license_new_level) == (3, None)
    assert answer.max_achieved_level is None
    assert levels(connection) == (3, None)
    assert progress(connection).total_xp == 250_000
    assert desyncs(connection) == 1


def test_a_missing_progress_row_is_made_at_the_licenses_level(connection: Connection) -> None:
    plant(connection, None, 3)
    answer = level_up(connection, 1, "PLAYER", 250_000, 30)
    assert answer.desync
    assert (answer.progress_old_level, answer.license_old_level) == (None, 3)
    assert (answer.progress_new_level, answer.license_new_level) == (3, 3)
    assert levels(connection) == (3, 3)
    assert progress(connection).total_xp == 250_000


def test_the_xp_of_a_pair_out_of_step_is_not_lost_when_it_is_put_right(
    connection: Connection,
) -> None:
    plant(connection, 2, 5)
    level_up(connection, 1, "PLAYER", 250_000, 30)
    update_level(connection, 1, "PLAYER", 2)
    answer = level_up(connection, 1, "PLAYER")
    assert (answer.progress_old_level, answer.license_new_level) == (2, 8)


# What it writes -------------------------------------------------------------------------------


def test_the_history_says_what_was_asked_and_what_was_there(connection: Connection) -> None:
    level_up(connection, 1, "COACH", 36_000, 18, 0, 40, "60.5", 2, "course")
    row = one(connection, "select * from lockstep.license_progressions")
    assert (row.from_level, row.to_level, row.advanced_by) == (None, 2, 2)
    assert row.advancement_reason == "course"
    for figure in "36000", "35000", "18", "40.00", "60.50", "60.00":
        assert figure in row.requirements_met


def test_an_award_that_changes_no_level_leaves_the_license_alone(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER", 1)
    physical = "select ctid, xmin::text, * from lockstep.user_licenses"
    before = one(connection, physical)
    level_up(connection, 1, "PLAYER", 1)
    assert one(connection, physical) == before
    assert license(connection).current_level == 1


def test_a_second_caller_waits_then_adds_to_the_first_result(connection: Connection, connect: Connect) -> None:
    level_up(connection, 1, "PLAYER", 20_000, 12)
    first, second = connect("lockstep_app"), connect("lockstep_app")
    first.execute("begin")
    level_up(first, 1, "PLAYER", 4_999)
    with background(second, "select * from lockstep.level_up(1, 'PLAYER', 1)") as answer:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        (row,) = answer.result()
    assert (row.total_xp, row.license_new_level) == (25_000, 2)


def test_concurrent_deltas_sum_exactly_and_each_level_is_reached_once(connection: Connection, connect: Connect) -> None:
    sessions = [connect("lockstep_app") for _ in range(8)]

    def work(session: Connection) -> None:
        for _ in range(50):
            level_up(session, 1, "PLAYER", 625, 1)

    at_once([partial(work, session) for session in sessions])
    row = progress(connection)
    assert (row.total_xp, row.completed_sessions) == (250_000, 400)
    assert levels(connection) == (8, 8)
    assert history(connection) == [(n, n + 1, "function") for n in range(1, 8)]


# A8: what the school writes is used at once ---------------------------------------------------


def test_a_new_specialization_is_used_by_the_next_call_of_a_connection_with_cached_plans(
    connection: Connection, connect: Connect
) -> None:
    caller = connect("lockstep_app", prepare_threshold=1)
    for _ in range(10):
        level_up(caller, 1, "PLAYER", 1)
        update_level(caller, 2, "PLAYER", 1)
    with refused("LS002"):
        level_up(caller, 1, "REFEREE", 1)

    connection.execute("insert into lockstep.specializations (id, name) values ('REFEREE', 'Referee')")
    connection.execute(
        "insert into lockstep.specialization_levels"
        " (specialization_id, level, name, required_xp, theory_hours)"
        " values ('REFEREE', 1, 'Line', 0, 5), ('REFEREE', 2, 'Field', 100, 10)"
    )
    assert level_up(caller, 1, "REFEREE", 100, theory_hours=9).license_new_level == 1
    assert level_up(caller, 1, "REFEREE", theory_hours=1).license_new_level == 2
    with refused("LS003"):
        update_level(caller, 1, "REFEREE", 3)


def test_a_new_level_is_used_by_the_next_call_of_a_connection_with_cached_plans(
    connection: Connection, connect: Connect
) -> None:
    caller = connect("lockstep_app", prepare_threshold=1)
    for _ in range(10):
        level_up(caller, 1, "INTERNSHIP", 100_000, 100)
    assert levels(connection, 1, "INTERNSHIP") == (3, 3)
    with refused("LS003"):
        update_level(caller, 2, "INTERNSHIP", 4)

    connection.execute(
        "insert into lockstep.specialization_levels"
        " (specialization_id, level, name, required_xp, required_sessions)"
        " values ('INTERNSHIP', 4, 'Founder', 50000, 30)"
    )
    assert level_up(caller, 1, "INTERNSHIP").license_new_level == 4
    assert update_level(caller, 2, "INTERNSHIP", 4).license_new_level == 4


def test_a_changed_requirement_counts_from_the_next_call(connection: Connection) -> None:
    assert level_up(connection, 1, "PLAYER", 24_000, 12).license_new_level == 1
    connection.execute(
        "update lockstep.specialization_levels set required_xp = 24000 where specialization_id = 'PLAYER' and level = 2"
    )
    assert level_up(connection, 1, "PLAYER").license_new_level == 2


def test_every_total_of_a_random_walk_gives_the_level_of_the_rule(connection: Connection) -> None:
    connection.execute("select setseed(0.42)")
    awards = rows(
        connection,
        "select (random() * 9000)::integer as xp, (random() * 2)::integer as sessions,"
        " (random() * 4)::numeric(8, 2) as theory, (random() * 6)::numeric(8, 2) as practice"
        " from generate_series(1, 120)",
    )
    reached = 1
    totals = Totals(0, 0, Decimal(0), Decimal(0))
    with connection.transaction():
        for award in awards:
            answer = level_up(connection, 1, "COACH", award.xp, award.sessions, 0, award.theory, award.practice)
            totals = Totals(
                totals.xp_gained + award.xp,
                totals.sessions_completed + award.sessions,
                totals.theory_hours + award.theory,
                totals.practice_hours + award.practice,
            )
            reached = max(reached, rule("COACH", totals))
            assert answer.license_new_level == reached
    assert reached > 4
