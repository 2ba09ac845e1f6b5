"""The demo population: a made-up school, for a database that has no users.

It comes from one seeded generator: two databases get the same school, at other moments. Users are
inserted; all that they earn comes by level_up() and update_level(), with an instructor as actor.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row

from app import db
from app.schema import DEFAULT

PEOPLE = {"student": 200, "instructor": 10, "admin": 2}
COUNTED = ("students", "instructors", "admins", "pairs", "lowered", "calls")

# Of a hundred pairs, how many aim at level 1, 2, 3…: most are low, few are high.
AIMS = (34, 24, 16, 10, 7, 4, 3, 2)
JUST_BEGUN = 0.3  # of those who aim at level 1: one session, and that is all
LOWERED = 0.06  # of those who aim higher: an instructor sets them back a level
SECOND_SPECIALIZATION = 0.2  # of the students
POPULARITY = {"PLAYER": 70, "COACH": 20, "INTERNSHIP": 10}  # any other: 10

# What a level asks for, and the argument of level_up() that earns it.
EARNED_BY = {
    "required_xp": "xp_gained",
    "required_sessions": "sessions_completed",
    "theory_hours": "theory_hours",
    "practice_hours": "practice_hours",
}
AWARDS = ("Training block", "Term assessment", "Tournament", "Project week")

INSERT_PEOPLE = """
insert into lockstep.users (email, name, role)
select
    format('%%s%%s@example.org', %(role)s::text, to_char(n, 'FM000')),
    format('%%s %%s Example', initcap(%(role)s::text), to_char(n, 'FM000')),
    %(role)s
from generate_series(1, %(count)s) as n
order by n
returning id
"""


@dataclass
class School:
    """A school in the making: how many of what there are is in `made`."""

    connection: db.Connection
    levels: dict[str, list[dict[str, Any]]]
    chance: random.Random = field(default_factory=lambda: random.Random(2))
    made: Counter[str] = field(default_factory=Counter)

    def fill(self) -> None:
        """Add everybody, and let the students earn their levels."""
        ids = {role: self.add_people(role, count) for role, count in PEOPLE.items()}
        for student in ids["student"]:
            instructor = self.chance.choice(ids["instructor"])
            for specialization in self.choose():
                self.play(student, specialization, instructor)

    def add_people(self, role: str, count: int) -> list[int]:
        """Add users whose names and addresses are plainly made up; return their ids."""
        rows = self.connection.execute(INSERT_PEOPLE, {"role": role, "count": count})
        self.made[f"{role}s"] = count
        return [id for (id,) in rows]

    def choose(self) -> list[str]:
        """One specialization, or two."""
        ids = list(self.levels)
        count = min(len(ids), 2 if self.chance.random() < SECOND_SPECIALIZATION else 1)
        chosen: list[str] = []
        while len(chosen) < count:
            (id,) = self.chance.choices(ids, [POPULARITY.get(id, 10) for id in ids])
            chosen += [id] if id not in chosen else []
        return chosen

    def play(self, student: int, specialization: str, instructor: int) -> None:
        """Earn one level after the other up to the aim, then a part of the next."""
        levels = self.levels[specialization]
        (aim,) = self.chance.choices(range(1, len(levels) + 1), AIMS[: len(levels)])
        by: dict[str, Any] = {
            "user_id": student,
            "specialization_id": specialization,
            "advanced_by": instructor,
        }
        self.made["pairs"] += 1
        if aim == 1 and self.chance.random() < JUST_BEGUN:
            self.call("level_up", **by, sessions_completed=1, xp_gained=100, reason="First session")
            return
        totals: Counter[str] = Counter()
        for level in levels[1:aim]:
            self.earn(by, totals, level, self.chance.uniform(0.3, 0.7))
            self.earn(by, totals, level, 1)
        if aim < len(levels):
            self.earn(by, totals, levels[aim], self.chance.uniform(0.1, 0.9))
        if aim > 1 and self.chance.random() < LOWERED:
            self.call("update_level", **by, new_level=aim - 1, reason="Repeats the level by agreement")
            self.made["lowered"] += 1

    def earn(self, by: dict[str, Any], totals: Counter[str], level: dict[str, Any], share: float) -> None:
        """Earn this share of what is still missing to a level."""
        gains = {}
        for requirement, argument in EARNED_BY.items():
            missing = max(0, (level[requirement] or 0) - totals[requirement])
            gains[argument] = missing if share == 1 else int(share * float(missing))
            totals[requirement] += gains[argument]
        projects = self.chance.choice((0, 0, 1))
        reason = self.chance.choice(AWARDS)
        self.call("level_up", **by, **gains, projects_completed=projects, reason=reason)

    def call(self, function: str, **arguments: Any) -> None:
        """Call a function of ours."""
        db.call(self.connection, function, **arguments)
        self.made["calls"] += 1


def seed(dsn: str, schema: str = DEFAULT) -> dict[str, int]:
    """Fill a database that has no users, in one transaction; return how many of what were made.

    The names are those of COUNTED; all counts are 0 where anybody is there.
    """
    with db.connect(dsn, schema) as connection, connection.transaction():
        # Two at once: the second waits, then finds the users of the first.
        connection.execute("lock table lockstep.users in share row exclusive mode")
        if connection.execute("select from lockstep.users limit 1").rowcount:
            return dict.fromkeys(COUNTED, 0)
        school = School(connection, read_levels(connection))
        school.fill()
    return {name: school.made[name] for name in COUNTED}


def read_levels(connection: db.Connection) -> dict[str, list[dict[str, Any]]]:
    """What each level of each specialization asks for, from level 1 up."""
    levels: dict[str, list[dict[str, Any]]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute("select * from lockstep.specialization_levels order by specialization_id, level"):
            levels.setdefault(row["specialization_id"], []).append(row)
    return levels
