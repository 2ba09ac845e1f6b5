"""The curriculum from its CSV files."""

import csv
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.client import level_up_atomic
from app.curriculum import DIRECTORY, CurriculumError, load
from tests.pairs import Connect, Connection, add_users, at_once, one, rows, value

NOTHING = {
    "specializations_inserted": 0,
    "specializations_updated": 0,
    "levels_inserted": 0,
    "levels_updated": 0,
}
KEEPER = "KEEPER,Goalkeeper,🧤,xp sessions\n"
KEEPER_LEVELS = "KEEPER,2,Post,Post,,500,2,,,\nKEEPER,1,Line,Line,,100,1,,,\nKEEPER,3,Box,Box,,900,3,,,\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the files, to change."""
    copy = tmp_path / "curriculum"
    shutil.copytree(DIRECTORY, copy)
    return copy


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def contents(connection: Connection) -> tuple[list[Any], list[Any]]:
    return (
        rows(connection, "select id, name, icon, max_levels from lockstep.specializations order by id"),
        rows(
            connection,
            "select * from lockstep.specialization_levels order by specialization_id, level",
        ),
    )


def test_the_rows_of_the_migration_are_those_of_the_files(connection: Connection, database: str) -> None:
    specializations, levels = contents(connection)
    with (DIRECTORY / "levels.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(levels) == 19

    def typed(name: str, text: str) -> object:
        if name in ("level", "required_xp", "required_sessions"):
            return int(text)
        return None if text == "" else Decimal(text) if name.endswith("hours") else text

    expected = [{name: typed(name, text) for name, text in line.items()} for line in lines]
    found = [row._asdict() for row in levels]
    assert sorted(found, key=str) == sorted(expected, key=str)

    with (DIRECTORY / "specializations.csv").open(encoding="utf-8") as file:
        known = [(line["id"], line["name"], line["icon"]) for line in csv.DictReader(file)]
    assert sorted(row[:3] for row in specializations) == sorted(known)
    assert {row.id: row.max_levels for row in specializations} == {"PLAYER": 8, "COACH": 8, "INTERNSHIP": 3}
    assert load(database, update=True) == NOTHING


def test_loading_puts_back_what_is_missing(connection: Connection, database: str) -> None:
    before = contents(connection)
    connection.execute("delete from lockstep.specialization_levels where specialization_id = 'INTERNSHIP'")
    connection.execute("delete from lockstep.specializations where id = 'INTERNSHIP'")
    assert load(database) == NOTHING | {"specializations_inserted": 1, "levels_inserted": 3}
    assert contents(connection) == before
    assert load(database) == NOTHING


def test_loading_keeps_what_the_school_changed_unless_told_to_update(connection: Connection, database: str) -> None:
    before = contents(connection)
    connection.execute("update lockstep.specializations set name = 'Ours' where id = 'PLAYER'")
    connection.execute(
        "update lockstep.specialization_levels set required_xp = 1, color = null where name = 'Égi Folyó'"
    )
    ours = contents(connection)
    assert load(database) == NOTHING
    assert contents(connection) == ours
    assert load(database, update=True) == NOTHING | {"specializations_updated": 1, "levels_updated": 1}
    assert contents(connection) == before


def test_a_fourth_specialization_is_a_line_and_the_very_next_call_uses_it(
    connection: Connection, database: str, connect: Connect, directory: Path
) -> None:
    add_users(connection, 1)
    running = connect("lockstep_app")
    assert level_up_atomic(running, 1, "KEEPER", 600, 2)["error_type"] == "not_found"
    append(directory / "specializations.csv", KEEPER)
    append(directory / "levels.csv", KEEPER_LEVELS)
    assert load(database, directory) == NOTHING | {"specializations_inserted": 1, "levels_inserted": 3}
    assert level_up_atomic(running, 1, "KEEPER", 600, 2)["progress"]["new_level"] == 2
    assert one(connection, "select max_levels from lockstep.specializations where id = 'KEEPER'") == (3,)


def test_two_loads_at_once_do_no_harm(connection: Connection, database: str, directory: Path) -> None:
    append(directory / "specializations.csv", KEEPER)
    append(directory / "levels.csv", KEEPER_LEVELS)
    first, second = at_once([lambda: load(database, directory)] * 2)
    assert first["levels_inserted"] + second["levels_inserted"] == 3
    assert value(connection, "select count(*) from lockstep.specializations where id = 'KEEPER'") == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("levels", "PLAYER,3,", "PLAYER,three,", "line 4"),
        ("levels", "PLAYER,3,", "PLAYER,2,", "stands in"),
        ("levels", "COACH,8,", "COACH,9,", "line 17"),
        ("levels", "45000,15,,,", "-45000,15,,,", "line 4"),
        ("levels", "45000,15,,,", "many,15,,,", "line 4"),
        ("levels", "45000,15,,,", "45000,15,,", "line 4"),
        ("levels", "45000,15,,,", "45000,15,,,,7", "line 4"),
        ("levels", "45000,15,,,", ",15,,,", "required_xp is missing"),
        ("levels", "45000,15,,,", "45000,15,1,1,", "line 4: theory_hours"),
        ("levels", "PLAYER,3,", "NOBODY,3,", "no specialization NOBODY"),
        ("levels", "Rugalmas Nád", '"Rugalmas Nád', "levels.csv"),
        ("levels", "required_xp", "xp", "the columns have to be"),
        ("specializations", "xp sessions\n", "xp magic\n", "unknown tracks: magic"),
        ("specializations", "GanCuju Player", " ", "name is missing"),
        ("specializations", "theory_hours ", "", "theory_hours and the tracks of COACH differ"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_nothing_is_lost(
    connection: Connection, database: str, directory: Path, file: str, old: str, new: str, says: str
) -> None:
    # Something good stands before the bad line, and would be loaded first.
    connection.execute("delete from lockstep.specialization_levels where specialization_id = 'COACH'")
    before = contents(connection)
    replace(directory / f"{file}.csv", old, new)
    with pytest.raises(CurriculumError, match=says):
        load(database, directory, update=True)
    assert contents(connection) == before


def test_a_file_that_is_not_there_or_not_utf_8_is_refused(database: str, directory: Path) -> None:
    (directory / "levels.csv").write_bytes("specialization_id,név".encode("latin-1"))
    with pytest.raises(CurriculumError, match=r"levels\.csv"):
        load(database, directory)
    (directory / "levels.csv").unlink()
    with pytest.raises(CurriculumError, match=r"levels\.csv"):
        load(database, directory)


def test_a_file_from_a_spreadsheet_may_begin_with_a_byte_order_mark(database: str, directory: Path) -> None:
    path = directory / "levels.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load(database, directory) == NOTHING
