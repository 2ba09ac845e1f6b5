"""C1 to C3: every way of writing, on every rung of the ladder, is coupled, refused or detected.

Each cell is found by running it. docs/guarantees.md shows them all; a cell that changes is red here.
To write the document anew: LOCKSTEP_WRITE=1 make test ARGS=tests/guarantees
"""

import os
from collections.abc import Callable

import pytest

from tests.guarantees.databases import Event, replications, restores
from tests.guarantees.document import LAST, PATH, SINCE_16, generated, render
from tests.guarantees.hostile import Hostile
from tests.guarantees.matrix import UNDETECTED, Column, climb
from tests.guarantees.rungs import RUNGS
from tests.guarantees.ways import WAYS

Climbed = Callable[[str], Column]


@pytest.fixture(scope="session")
def climbed(hostile: Hostile) -> Climbed:
    """The column of a rung, by its name; each is run once."""
    columns: dict[str, Column] = {}

    def climbed(name: str) -> Column:
        if name not in columns:
            (rung,) = (rung for rung in RUNGS if rung.name == name)
            columns[name] = climb(hostile, rung)
        return columns[name]

    return climbed


@pytest.fixture(scope="session")
def events(hostile: Hostile) -> list[Event]:
    """What became of whole databases."""
    return [*restores(hostile), *replications(hostile)]


@pytest.mark.parametrize("rung", [rung.name for rung in RUNGS])
def test_no_disagreement_goes_undetected(climbed: Climbed, rung: str) -> None:
    column = climbed(rung)
    assert [way.name for way, outcome in zip(WAYS, column.outcomes, strict=True) if outcome == UNDETECTED] == []


@pytest.mark.parametrize("rung", ["app", "legacy", "owner", "superuser", "replica", "coupler"])
def test_whoever_takes_nothing_away_commits_no_disagreement(climbed: Climbed, rung: str) -> None:
    column = climbed(rung)
    assert not column.guards
    assert not {outcome for outcome in column.outcomes if outcome.startswith("**")}


@pytest.mark.slow
def test_no_disagreement_of_a_whole_database_goes_undetected(events: list[Event]) -> None:
    assert [event.name for event in events if event.outcome == UNDETECTED] == []


@pytest.mark.slow
def test_the_document_shows_every_cell_as_it_is(climbed: Climbed, events: list[Event], hostile: Hostile) -> None:
    found = render([climbed(rung.name) for rung in RUNGS], events)
    text = PATH.read_text("utf-8")
    if os.environ.get("LOCKSTEP_WRITE"):
        PATH.write_text(text.replace(generated(text), found), "utf-8")
        return
    shown = generated(text).splitlines()
    if int(hostile.server.major) < 16:
        shown = [line for line in shown if SINCE_16 not in line]
    assert found.splitlines() == shown, "see the head of this file"
    assert found.endswith(LAST)
