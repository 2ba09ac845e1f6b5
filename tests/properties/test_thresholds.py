"""B3 as a property: level_up() reaches what a walk over levels.csv in plain Python reaches."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import Connection, add_users, level_up, update_level
from tests.properties.curriculum import FIGURES, LEVELS, reached

HOURS = "theory_hours", "practice_hours"


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, int, dict[str, Decimal], dict[str, Decimal]]:
    """A specialization, a level, totals, and a gain that leads near thresholds: below, at, above."""
    specialization = draw(st.sampled_from(sorted(LEVELS)))
    levels = LEVELS[specialization]
    level = draw(st.integers(1, len(levels)))
    goal = draw(st.sampled_from(levels))
    totals, gains = {}, {}
    for name in FIGURES:
        if name not in levels[0]:
            totals[name] = gains[name] = Decimal(0)
            continue
        near = goal[name] + draw(st.sampled_from([-1, 0, 0, 0, 1, 1000]))
        unit = 100 if name in HOURS else 1
        totals[name] = Decimal(draw(st.integers(0, int(near * unit)))) / unit
        gains[name] = near - totals[name]
    return specialization, level, totals, gains


def arguments(figures: dict[str, Decimal]) -> dict[str, Any]:
    return {name: figures[name] if name in HOURS else int(figures[name]) for name in figures}


def test_the_walk_knows_the_curriculum() -> None:
    assert {name: len(levels) for name, levels in LEVELS.items()} == {"PLAYER": 8, "COACH": 8, "INTERNSHIP": 3}
    assert reached("PLAYER", 1, {"required_xp": Decimal(250000), "required_sessions": Decimal(30)}) == 8
    assert reached("PLAYER", 1, {"required_xp": Decimal(250000), "required_sessions": Decimal(14)}) == 2


def test_level_up_reaches_what_a_walk_over_the_curriculum_reaches(connection: Connection) -> None:
    add_users(connection, 1)

    @settings(max_examples=5 * settings().max_examples)
    @given(situations())
    def property(situation: tuple[str, int, dict[str, Decimal], dict[str, Decimal]]) -> None:
        specialization, level, totals, gains = situation
        start, gain = arguments(totals), arguments(gains)
        connection.execute("begin")
        update_level(
            connection, 1, specialization, level,
            start["required_xp"], start["required_sessions"], 0, start["theory_hours"], start["practice_hours"],
        )  # fmt: skip
        answer = level_up(
            connection, 1, specialization,
            gain["required_xp"], gain["required_sessions"], 0, gain["theory_hours"], gain["practice_hours"],
        )  # fmt: skip
        connection.execute("rollback")

        expected = reached(specialization, level, {name: totals[name] + gains[name] for name in totals})
        assert (answer.progress_new_level, answer.license_new_level) == (expected, expected)
        assert answer.total_xp == totals["required_xp"] + gains["required_xp"]

    property()
