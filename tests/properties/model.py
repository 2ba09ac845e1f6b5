"""What Lockstep promises, in plain Python: pairs, keys, and who has to wait for whom.

The model knows nothing of triggers, policies or keys; it says what a statement does to one pair of
records, or the SQLSTATE that refuses it.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from tests.properties.curriculum import LEVELS, reached

Key = tuple[int, str]  # user and specialization, or user and idempotency key


@dataclass(frozen=True)
class Pair:
    """Progress and license of a user in a specialization: one thing here, two rows there."""

    level: int
    highest: int
    xp: int = 0
    sessions: int = 0
    projects: int = 0
    theory: int = 0
    practice: int = 0
    history: tuple[tuple[int | None, int], ...] = ()

    def at(self, level: int) -> "Pair":
        """The pair after a change to this level, from the one it has."""
        if level == self.level:
            return self
        return replace(
            self, level=level, highest=max(self.highest, level), history=(*self.history, (self.level, level))
        )


@dataclass(frozen=True)
class Gains:
    """What a call adds to the totals."""

    xp: int = 0
    sessions: int = 0
    projects: int = 0
    theory: int = 0
    practice: int = 0

    def added_to(self, pair: Pair) -> Pair:
        totals = {name: getattr(pair, name) + getattr(self, name) for name in self.__dataclass_fields__}
        return replace(pair, **totals)


class RefusedError(Exception):
    """The statement changes nothing and ends in this SQLSTATE."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def level_of(pair: Pair | None) -> int | None:
    return pair.level if pair else None


def exists(specialization: str, level: int) -> bool:
    return 1 <= level <= len(LEVELS[specialization])


def created(level: int) -> Pair:
    """A pair that was not there: at level 1 no change of level, higher a row from nothing."""
    return Pair(level, level, history=() if level == 1 else ((None, level),))


def set_level(pair: Pair | None, level: int) -> Pair:
    return pair.at(level) if pair else created(level)


# What functions and statements do ---------------------------------------------------------------


def by_update_level(pair: Pair | None, specialization: str, level: int, gains: Gains) -> Pair:
    after = gains.added_to(pair or created(1))
    if not exists(specialization, level):
        raise RefusedError("LS003")
    _check(after, specialization, gains)
    return gains.added_to(set_level(pair, level))


def by_level_up(pair: Pair | None, specialization: str, gains: Gains) -> Pair:
    after = gains.added_to(pair or created(1))
    _check(after, specialization, gains)
    level = reached(
        specialization,
        after.level,
        {
            "required_xp": after.xp,
            "required_sessions": after.sessions,
            "theory_hours": after.theory,
            "practice_hours": after.practice,
        },
    )
    return gains.added_to(set_level(pair, level))


def _check(after: Pair, specialization: str, gains: Gains) -> None:
    if min(after.xp, after.sessions, after.projects, after.theory, after.practice) < 0:
        raise RefusedError("LS004")
    if (gains.theory or gains.practice) and "theory_hours" not in LEVELS[specialization][0]:
        raise RefusedError("LS005")


def by_sync(pair: Pair | None) -> Pair:
    """Nothing that the model knows is ever out of step."""
    if pair is None:
        raise RefusedError("LS014")
    return pair


def by_raw_level(pair: Pair | None, specialization: str, level: int) -> Pair | None:
    """UPDATE of the level in either table."""
    if pair is None:
        return None
    if not exists(specialization, level):
        raise RefusedError("23503")
    return pair.at(level)


def by_raw_xp(pair: Pair | None, xp: int) -> Pair | None:
    if pair is None:
        return None
    if pair.xp + xp < 0:
        raise RefusedError("23514")
    return replace(pair, xp=pair.xp + xp)


def by_raw_insert(pair: Pair | None, specialization: str, level: int) -> Pair:
    if pair is not None:
        raise RefusedError("23505")
    return by_raw_upsert(None, specialization, level)


def by_raw_upsert(pair: Pair | None, specialization: str, level: int) -> Pair:
    """INSERT ... ON CONFLICT DO UPDATE, or MERGE."""
    if not exists(specialization, level):
        raise RefusedError("23503")
    return set_level(pair, level)


def by_raw_delete(pair: Pair | None, seen_remarks: int, remarks: int) -> None:
    """Remarks are history too; one that the snapshot does not show is refused by the foreign key."""
    if pair and (pair.history or seen_remarks):
        raise RefusedError("LS008")
    if pair and remarks:
        raise RefusedError("23503")


def unchanged(pair: Pair | None) -> Pair | None:
    """The pair is locked, and that is all."""
    return pair


# Transactions -----------------------------------------------------------------------------------


Answers = dict[Key, tuple[Any, Any]]  # by key: the request and what it was answered


@dataclass
class World:
    """What is committed."""

    pairs: dict[Key, Pair | None] = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    remarks: Counter[Key] = field(default_factory=Counter)
    # How often a pair or key was written, and how often a pair was written as it was: one row of it at most.
    versions: Counter[Key] = field(default_factory=Counter)
    rewrites: Counter[Key] = field(default_factory=Counter)


@dataclass
class Work(World):
    """What a transaction has done so far."""

    locked: set[Key] = field(default_factory=set)
    immediate: bool = False  # after `set constraints all immediate`


@dataclass
class Session:
    """A connection as the model sees it: between transactions, or in one with savepoints."""

    isolation: str | None = None  # of the open transaction
    work: Work = field(default_factory=Work)
    savepoints: list[Work] = field(default_factory=list)
    snapshot: World | None = None
    touched: set[int] = field(default_factory=set)  # users
    met: bool = False  # another transaction was open or committed meanwhile

    def look(self, world: World) -> World:
        """What a statement sees besides its own transaction's work."""
        if self.isolation == "read committed":
            return world
        if self.snapshot is None:
            self.snapshot = deepcopy(world)
        return self.snapshot

    def pair(self, world: World, key: Key) -> Pair | None:
        return self.work.pairs.get(key, self.look(world).pairs.get(key))

    def answer(self, world: World, key: Key) -> tuple[Any, Any] | None:
        return self.work.answers.get(key, self.look(world).answers.get(key))

    def seen_remarks(self, world: World, key: Key) -> int:
        return self.work.remarks[key] + self.look(world).remarks[key]

    def is_stale(self, world: World, *keys: Key) -> bool:
        """Whether somebody has changed one of these since this transaction's snapshot.

        A pair that was made and deleted again meanwhile leaves nothing to collide with.
        """
        seen = self.look(world)
        return any(
            seen.versions[key] != world.versions[key]
            and (seen.pairs.get(key) or world.pairs.get(key) or key in world.answers)
            for key in keys
        )

    def may_be_stale(self, world: World, key: Key) -> bool:
        return self.look(world).rewrites[key] != world.rewrites[key]

    def commit(self, world: World) -> None:
        world.pairs.update(self.work.pairs)
        world.answers.update(self.work.answers)
        world.remarks.update(self.work.remarks)
        world.versions.update(self.work.versions)
        world.rewrites.update(self.work.rewrites)
