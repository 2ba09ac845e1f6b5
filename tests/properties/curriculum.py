"""levels.csv in plain Python, and the rule of B3 over it."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from app.settings import PROJECT

FIGURES = "required_xp", "required_sessions", "theory_hours", "practice_hours"


def read_levels() -> dict[str, list[dict[str, Decimal]]]:
    """What each level asks for, by specialization, from level 1 up."""
    found: dict[str, list[dict[str, Decimal]]] = defaultdict(list)
    with (PROJECT / "sql/curriculum/levels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["specialization_id"]].append({name: Decimal(row[name]) for name in FIGURES if row[name]})
    return found


LEVELS = read_levels()


def reached(specialization: str, level: int, totals: Mapping[str, Decimal | int]) -> int:
    """The level that these totals reach from this level: one level at a time, up to the first that is not met."""
    levels = LEVELS[specialization]
    while level < len(levels) and all(totals[name] >= needed for name, needed in levels[level].items()):
        level += 1
    return level
