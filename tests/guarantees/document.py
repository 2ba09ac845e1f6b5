"""Writes the tables of docs/guarantees.md from what was found, and reads them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from app.settings import PROJECT
from tests.guarantees.databases import Event
from tests.guarantees.matrix import COUPLED, NAMED, NO_EFFECT, NO_HISTORY, SAME, SEEN, UNDETECTED, Column
from tests.guarantees.ways import BOTH, LICENSE, PROGRESS, WAYS

PATH = PROJECT / "docs" / "guarantees.md"
FIRST = "<!-- From here on written by tests/guarantees: LOCKSTEP_WRITE=1 make test ARGS=tests/guarantees -->"
LAST = "<!-- Up to here. -->"

# A line with this in it is of PostgreSQL 16 and later.
SINCE_16 = "(16+)"

HEADINGS = {
    PROGRESS: "Written to `specialization_progress`",
    LICENSE: "Written to `user_licenses`",
    BOTH: "Written to both, in one transaction",
}


def render(columns: Sequence[Column], events: Sequence[Event]) -> str:
    """The generated part of the document."""
    return "\n".join([FIRST, "", *rungs(columns), *figures(columns), *ways(columns), *databases(events), LAST])


def rungs(columns: Sequence[Column]) -> Iterator[str]:
    """Who is on which rung, and what the sentinel says of it."""
    yield "### The rungs"
    yield ""
    yield from table(
        ("rung", "who writes", "`guard_status` names"),
        ((f"**{column.rung.name}**", column.rung.who, ", ".join(column.guards) or "nothing") for column in columns),
    )


def figures(columns: Sequence[Column]) -> Iterator[str]:
    """How many cells of each kind there are."""
    found = Counter(outcome.partition(" at ")[0] for column in columns for outcome in column.outcomes)
    refused = sum(count for outcome, count in found.items() if is_sqlstate(outcome))
    yield (
        f"{sum(found.values())} cells: {found[COUPLED]} coupled with history, {found[NO_HISTORY]} coupled without,"
        f" {refused} refused, {found[SEEN]} seen by the view `desync`, {found[NAMED]} named by `guard_status`,"
        f" {found[SAME] + found[NO_EFFECT]} that changed nothing, **{found[UNDETECTED]} undetected**."
    )
    yield ""


def ways(columns: Sequence[Column]) -> Iterator[str]:
    """The matrix: a row a way of writing, a column a rung."""
    for target, heading in HEADINGS.items():
        yield f"### {heading}"
        yield ""
        yield from table(
            ("", *(column.rung.name for column in columns)),
            (
                (way.name, *(column.outcomes[number] for column in columns))
                for number, way in enumerate(WAYS)
                if way.target == target
            ),
        )


def databases(events: Sequence[Event]) -> Iterator[str]:
    """What is done to a whole database."""
    yield "### Whole databases"
    yield ""
    yield from table(
        ("what", "outcome", "`guard_status` names then"),
        ((event.name, event.outcome, ", ".join(event.guards) or "nothing") for event in events),
    )


def table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """A table of Markdown, and an empty line."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def is_sqlstate(outcome: str) -> bool:
    """Whether the cell says who refused it."""
    return len(outcome) == 5 and outcome.isalnum() and outcome.upper() == outcome


def generated(text: str) -> str:
    """The generated part of a document's text."""
    return text[text.index(FIRST) : text.index(LAST) + len(LAST)]
