"""The curriculum: specializations and their levels, from two CSV files into rows.

specializations.csv  id, name, icon, tracks: what its levels ask for, of TRACKS
levels.csv           a level a line; an empty figure is none

A line is a row, not a release: once it is loaded, the very next call counts by it.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app import db
from app.schema import DEFAULT
from app.settings import PROJECT

DIRECTORY = PROJECT / "sql" / "curriculum"
TRACKS = {"xp", "sessions", "theory_hours", "practice_hours"}
HOURS = ("theory_hours", "practice_hours")

KEYS = {"specializations": ("id",), "levels": ("specialization_id", "level")}
OTHERS = {
    "specializations": ("name", "icon", "tracks"),
    "levels": (
        *("name", "name_en", "color", "required_xp", "required_sessions"),
        *("theory_hours", "practice_hours", "total_hours"),
    ),
}
REQUIRED = {"id", "name", "specialization_id", "level", "required_xp", "required_sessions"}

# What is there is not offered: the max_levels of a specialization would not be 0.
THERE = {
    "specializations": "select from lockstep.specializations as specialization where specialization.id = %(id)s",
    "levels": """
        select
        from lockstep.specialization_levels as level
        where level.specialization_id = %(specialization_id)s
            and level.level = %(level)s
    """,
}
# Both do nothing, and say so by their row count, where the row is as the line says.
INSERT = {
    "specializations": """
        insert into lockstep.specializations (id, name, icon)
        values (%(id)s, %(name)s, %(icon)s)
        on conflict do nothing
    """,
    "levels": """
        insert into lockstep.specialization_levels (
            specialization_id, level, name, name_en, color, required_xp, required_sessions,
            theory_hours, practice_hours, total_hours
        )
        values (
            %(specialization_id)s, %(level)s, %(name)s, %(name_en)s, %(color)s, %(required_xp)s,
            %(required_sessions)s, %(theory_hours)s, %(practice_hours)s, %(total_hours)s
        )
        on conflict do nothing
    """,
}
UPDATE = {
    "specializations": """
        update lockstep.specializations as specialization
        set name = %(name)s,
            icon = %(icon)s,
            updated_at = statement_timestamp()
        where specialization.id = %(id)s
            and (specialization.name, specialization.icon) is distinct from (%(name)s, %(icon)s)
    """,
    "levels": """
        update lockstep.specialization_levels as level
        set name = %(name)s,
            name_en = %(name_en)s,
            color = %(color)s,
            required_xp = %(required_xp)s,
            required_sessions = %(required_sessions)s,
            theory_hours = %(theory_hours)s,
            practice_hours = %(practice_hours)s,
            total_hours = %(total_hours)s
        where level.specialization_id = %(specialization_id)s
            and level.level = %(level)s
            and (
                level.name, level.name_en, level.color, level.required_xp, level.required_sessions,
                level.theory_hours, level.practice_hours, level.total_hours
            ) is distinct from (
                %(name)s, %(name_en)s, %(color)s, %(required_xp)s, %(required_sessions)s,
                %(theory_hours)s, %(practice_hours)s, %(total_hours)s
            )
    """,
}


class CurriculumError(ValueError):
    """A file cannot be loaded as it stands; the message says where. Nothing was changed."""


@dataclass(frozen=True)
class Line:
    """A line of a file; None for an empty value."""

    place: str
    values: dict[str, str | None]


def load(dsn: str, directory: Path = DIRECTORY, *, update: bool = False, schema: str = DEFAULT) -> dict[str, int]:
    """Insert what is missing, and with update write over what differs; remove nothing.

    All of it in one transaction. Returns what it did: specializations_inserted,
    specializations_updated, levels_inserted, levels_updated. Raises CurriculumError.
    """
    files = {table: read(directory / f"{table}.csv") for table in KEYS}
    check_tracks(**files)
    done = Counter({f"{table}_{outcome}": 0 for table in KEYS for outcome in ("inserted", "updated")})
    with db.connect(dsn, schema) as connection, connection.transaction():
        for table, lines in files.items():
            for line in lines:
                try:
                    there = connection.execute(THERE[table], line.values).rowcount
                    if not there and connection.execute(INSERT[table], line.values).rowcount:
                        done[f"{table}_inserted"] += 1
                    elif update:
                        done[f"{table}_updated"] += connection.execute(UPDATE[table], line.values).rowcount
                except psycopg.Error as error:
                    raise CurriculumError(f"{line.place}: {error}") from error
    return dict(done)


def read(path: Path) -> list[Line]:
    """Read a file of the curriculum, by key; refuse what is no table of these columns."""
    columns = (*KEYS[path.stem], *OTHERS[path.stem])
    lines: dict[tuple[int | str, ...], Line] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames is None or sorted(reader.fieldnames) != sorted(columns):
                raise CurriculumError(f"{path}: the columns have to be {','.join(columns)}")
            for values in reader:
                place = f"{path}, line {reader.line_num}"
                if None in values or None in values.values():
                    raise CurriculumError(f"{place}: not as many values as columns")
                line = Line(place, {name: values[name].strip() or None for name in columns})
                key = _key(path.stem, line)
                if key in lines:
                    raise CurriculumError(f"{place}: {key} stands in {lines[key].place} too")
                lines[key] = line
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CurriculumError(f"{path}: {error}") from error
    return [lines[key] for key in sorted(lines)]


def check_tracks(specializations: list[Line], levels: list[Line]) -> None:
    """Refuse levels that ask for hours that are not tracked, or for none where they are."""
    tracks = {}
    for line in specializations:
        tracks[line.values["id"]] = set((line.values["tracks"] or "").split())
        if unknown := tracks[line.values["id"]] - TRACKS:
            raise CurriculumError(f"{line.place}: unknown tracks: {', '.join(sorted(unknown))}")
    for line in levels:
        specialization = line.values["specialization_id"]
        if specialization not in tracks:
            raise CurriculumError(f"{line.place}: no specialization {specialization}")
        for name in HOURS:
            if (name in tracks[specialization]) != (line.values[name] is not None):
                raise CurriculumError(f"{line.place}: {name} and the tracks of {specialization} differ")


def _key(table: str, line: Line) -> tuple[int | str, ...]:
    """What a line is known by. A level is a number, or 10 would stand before 2."""
    if missing := [name for name in line.values if name in REQUIRED and line.values[name] is None]:
        raise CurriculumError(f"{line.place}: {', '.join(missing)} is missing")
    key = tuple(line.values[name] or "" for name in KEYS[table])
    try:
        return (*key[:-1], int(key[-1])) if table == "levels" else key
    except ValueError as error:
        raise CurriculumError(f"{line.place}: level: {error}") from error
