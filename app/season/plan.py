"""What will happen in a season, all of it drawn from a seed: who earns what, and who sends it how.

Nothing here talks to a database. `reached` is the rule of the levels in plain Python, a second
opinion that the season's checks hold the SQL to; nothing else may use it.
"""

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

CENT = Decimal("0.01")


class SeasonError(Exception):
    """The season cannot be played, or not to its end."""


class Pair(NamedTuple):
    """A student in a specialization: one progress row and one license."""

    user: int
    specialization: str


class Totals(NamedTuple):
    """What was earned, by one event or since the start. Hours have two decimals."""

    xp: int
    sessions: int
    projects: int
    theory: Decimal
    practice: Decimal

    def plus(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(
            self.xp + other.xp,
            self.sessions + other.sessions,
            self.projects + other.projects,
            self.theory + other.theory,
            self.practice + other.practice,
        )


NOTHING = Totals(0, 0, 0, Decimal("0.00"), Decimal("0.00"))


class Requirement(NamedTuple):
    """What one level asks for, since the start. None: no hours are asked for."""

    xp: int
    sessions: int
    theory: Decimal | None
    practice: Decimal | None

    def met_by(self, totals: Totals) -> bool:
        """Tell whether every figure is reached."""
        return (
            totals.xp >= self.xp
            and totals.sessions >= self.sessions
            and (self.theory is None or totals.theory >= self.theory)
            and (self.practice is None or totals.practice >= self.practice)
        )


# The levels of each specialization, from level 1 up.
Curriculum = Mapping[str, Sequence[Requirement]]


def reached(levels: Sequence[Requirement], level: int, totals: Totals) -> int:
    """The level that these totals reach from this one, one at a time, up to the first unmet."""
    while level < len(levels) and levels[level].met_by(totals):
        level += 1
    return level


class Event(NamedTuple):
    """Something earned once, however often it is sent: the key says so."""

    key: str
    pair: Pair
    gain: Totals
    instructor: int


class Way(Enum):
    """How an event is sent."""

    ONCE = "once"
    AGAIN = "again at once by the same writer"
    TOGETHER = "by two writers at the same moment"
    LOST_ANSWER = "again over a new connection: the first one broke after the commit"
    LOST_CALL = "again over a new connection: the first one broke before the commit"

    @property
    def commits(self) -> int:
        """How many calls of one send are committed."""
        return 2 if self in (Way.AGAIN, Way.LOST_ANSWER) else 1


class Send(NamedTuple):
    """One step of a writer."""

    event: Event
    way: Way


class Kind(Enum):
    """What a raw session does."""

    PROGRESS = "update of a progress level"
    LICENSE = "update of a license level"
    BOTH_LOCKED = "select for update and update of both, with a remark in the history"
    LICENSE_LOCKED = "select for update and update of a license"
    UPSERT_PROGRESS = "upsert of a progress row"
    UPSERT_LICENSE = "upsert of a license"
    TOUCH_PROGRESS = "update of a progress row that leaves its level"
    TOUCH_LICENSE = "update of a license that leaves its level"


class Edit(NamedTuple):
    """One step of a raw session."""

    kind: Kind
    pair: Pair
    level: int


@dataclass(frozen=True)
class Size:
    """How big a season is."""

    students: int = 2_000
    writers: int = 64
    processes: int = 4
    events: int = 50_000
    raw_sessions: int = 4
    seed: int = 2026

    def __post_init__(self) -> None:
        if min(self.students, self.processes) < 1 or self.writers < self.processes:
            raise SeasonError("a season takes a student, and a writer for every process")
        if self.raw_sessions < 0 or self.events < self.pairs:
            raise SeasonError(f"a season of {self.students} students has at least {self.pairs} events")

    @property
    def pairs(self) -> int:
        """How many pairs the students are in: one each, every fourth in a second one."""
        return self.students + self.students // 4


@dataclass(frozen=True)
class Plan:
    """A season, step by step: scripts by writer and by raw session, grouped by process."""

    size: Size
    curriculum: Curriculum
    events: tuple[Event, ...]
    writers: tuple[dict[int, list[Send]], ...]
    raw_sessions: tuple[dict[int, list[Edit]], ...]

    @property
    def sends(self) -> Iterable[Send]:
        """Every step of every writer."""
        scripts = (script for team in self.writers for script in team.values())
        return itertools.chain.from_iterable(scripts)

    @property
    def edits(self) -> Iterable[Edit]:
        """Every step of every raw session."""
        scripts = (script for team in self.raw_sessions for script in team.values())
        return itertools.chain.from_iterable(scripts)


# Of a hundred events, how many are sent otherwise than once.
WAYS = {Way.AGAIN: 4.5, Way.TOGETHER: 3.0, Way.LOST_ANSWER: 0.25, Way.LOST_CALL: 0.25}
ELSEWHERE = 3.0  # of a hundred, sent a second time by a writer of another process, later on
HOT = 50  # every so manieth pair gets ten times the events of another, in one burst
RAW_SHARE = 3  # raw sessions edit every so manieth pair
EVENTS_AN_EDIT = 5

KINDS = {
    Kind.PROGRESS: 20,
    Kind.LICENSE: 20,
    Kind.BOTH_LOCKED: 15,
    Kind.LICENSE_LOCKED: 15,
    Kind.UPSERT_PROGRESS: 5,
    Kind.UPSERT_LICENSE: 5,
    Kind.TOUCH_PROGRESS: 10,
    Kind.TOUCH_LICENSE: 10,
}


def make_plan(size: Size, curriculum: Curriculum, students: Sequence[int], instructors: Sequence[int]) -> Plan:
    """Draw a season for these user ids; the same arguments give the same season."""
    chance = random.Random(size.seed)
    pairs = _pairs(sorted(curriculum), students)
    events = _events(chance, size, curriculum, pairs, instructors)
    writers = _scripts(chance, size, events)
    raw_sessions: tuple[dict[int, list[Edit]], ...] = tuple({} for _ in range(size.processes))
    for session in range(size.raw_sessions):
        raw_sessions[session % size.processes][session] = [
            _edit(chance, curriculum, pairs[::RAW_SHARE])
            for _ in range(size.events // EVENTS_AN_EDIT // size.raw_sessions)
        ]
    in_order = tuple(event for _, event in events)
    return Plan(size, curriculum, in_order, writers, raw_sessions)


def _pairs(specializations: Sequence[str], students: Sequence[int]) -> list[Pair]:
    circle = [*specializations, *specializations]
    pairs = []
    for number, student in enumerate(students):
        chosen = number % len(specializations)
        pairs.append(Pair(student, circle[chosen]))
        if number % 4 == 3:
            pairs.append(Pair(student, circle[chosen + 1]))
    return pairs


def _events(
    chance: random.Random,
    size: Size,
    curriculum: Curriculum,
    pairs: Sequence[Pair],
    instructors: Sequence[int],
) -> list[tuple[float, Event]]:
    """Every event with its moment in the season, 0 to 1, in that order."""
    weights = [10 if number % HOT == 0 else 1 for number in range(len(pairs))]
    counts = [1] * len(pairs)
    for number in chance.choices(range(len(pairs)), weights, k=size.events - len(pairs)):
        counts[number] += 1

    events = []
    for number, (pair, count) in enumerate(zip(pairs, counts, strict=True)):
        goal = _goal(chance, curriculum[pair.specialization], count)
        burst = chance.random() * 0.98
        for part, gain in enumerate(_split(chance, goal, count), 1):
            hot = number % HOT == 0
            moment = burst + 0.02 * chance.random() if hot else chance.random()
            key = f"season {size.seed} pair {number} event {part}"
            events.append((moment, Event(key, pair, gain, chance.choice(instructors))))
    return sorted(events, key=lambda timed: (timed[0], timed[1].key))


def _goal(chance: random.Random, levels: Sequence[Requirement], at_least: int) -> Totals:
    """Totals to end at: on a threshold, a little below it in one figure, or somewhere above."""
    level = chance.randint(1, len(levels))
    needed = _needed(levels, level)
    projects = chance.randint(0, 12)
    if level == len(levels) or (kind := chance.randrange(6)) == 0:
        goal = needed
    elif kind == 1:
        goal = needed.plus(Totals(chance.randint(0, 9_999), chance.randint(0, 5), 0, *NOTHING[3:]))
    else:
        goal = _needed(levels, level + 1)
        shortfalls = [goal._replace(xp=goal.xp - 1), goal._replace(sessions=goal.sessions - 1)]
        if goal.theory:
            shortfalls.append(goal._replace(theory=goal.theory - CENT))
            shortfalls.append(goal._replace(practice=goal.practice - CENT))
        goal = shortfalls[kind % len(shortfalls)]
    return goal._replace(xp=max(goal.xp, at_least), projects=projects)


def _needed(levels: Sequence[Requirement], level: int) -> Totals:
    """The least totals that reach a level from level 1."""
    asked = levels[1:level]
    return Totals(
        max((step.xp for step in asked), default=0),
        max((step.sessions for step in asked), default=0),
        0,
        max((step.theory or NOTHING.theory for step in asked), default=NOTHING.theory),
        max((step.practice or NOTHING.practice for step in asked), default=NOTHING.practice),
    )


def _split(chance: random.Random, goal: Totals, parts: int) -> list[Totals]:
    """Gains that add up to the goal, each of at least one XP: XP then tells their order."""

    def cut(total: int) -> list[int]:
        cuts = sorted(chance.randint(0, total) for _ in range(parts - 1))
        return [end - start for start, end in itertools.pairwise([0, *cuts, total])]

    def cut_hours(total: Decimal) -> list[Decimal]:
        return [part * CENT for part in cut(int(total / CENT))]

    return [
        Totals(xp + 1, sessions, projects, theory, practice)
        for xp, sessions, projects, theory, practice in zip(
            cut(goal.xp - parts),
            cut(goal.sessions),
            cut(goal.projects),
            cut_hours(goal.theory),
            cut_hours(goal.practice),
            strict=True,
        )
    ]


def _scripts(
    chance: random.Random, size: Size, events: Sequence[tuple[float, Event]]
) -> tuple[dict[int, list[Send]], ...]:
    """Deal the events to the writers, and some of them to a second one."""
    team_of = [number * size.processes // size.writers for number in range(size.writers)]
    teams = [[number for number in range(size.writers) if team_of[number] == team] for team in range(size.processes)]
    ways = [Way.ONCE, *WAYS]
    weights = [100 - sum(WAYS.values()), *WAYS.values()]
    timed: list[tuple[float, int, int, Send]] = []
    for order, (moment, event) in enumerate(events):
        writer = order % size.writers
        way = chance.choices(ways, weights)[0]
        partner = chance.choice(teams[team_of[writer]])
        if way is Way.TOGETHER and partner == writer:
            way = Way.AGAIN
        timed.append((moment, order, writer, Send(event, way)))
        if way is Way.TOGETHER:
            # In one order in every script, so that no two writers wait for each other crosswise.
            timed.append((moment, order, partner, Send(event, way)))
        elif way in (Way.ONCE, Way.AGAIN) and chance.random() * 100 < ELSEWHERE:
            other = chance.choice(teams[(team_of[writer] + 1) % size.processes])
            later = moment + 0.1 * chance.random()
            timed.append((later, order, other, Send(event, Way.ONCE)))
    scripts: list[dict[int, list[Send]]] = [{number: [] for number in team} for team in teams]
    for _, _, writer, send in sorted(timed, key=lambda step: step[:3]):
        scripts[team_of[writer]][writer].append(send)
    return tuple(scripts)


def _edit(chance: random.Random, curriculum: Curriculum, pairs: Sequence[Pair]) -> Edit:
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    pair = chance.choice(pairs)
    # A pair that an upsert makes at level 1 would leave no history: from 2 on, every change does.
    lowest = 2 if kind in (Kind.UPSERT_PROGRESS, Kind.UPSERT_LICENSE) else 1
    return Edit(kind, pair, chance.randint(lowest, len(curriculum[pair.specialization])))
