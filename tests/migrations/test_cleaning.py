"""What the migrations find is cleaned, never destroyed (A3), and going down returns it."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from random import Random
from typing import Any

import psycopg
import pytest

from app.migrator import Migrator
from tests.pairs import (
    add_users,
    desyncs,
    history,
    level_up,
    levels,
    license,
    one,
    progress,
    rows,
    update_level,
    value,
)

TABLES = {
    "users": "id",
    "specializations": "id",
    "specialization_progress": "student_id, id",
    "user_licenses": "user_id, id",
    "license_progressions": "id",
}

# What each specialization of the old system said of itself; 0: nothing.
SAID = {"PLAYER": 8, "COACH": 5, "INTERNSHIP": 5, "REFEREE": 4, "SILENT": 0}
MOST = {"PLAYER": 8, "COACH": 8, "INTERNSHIP": 3, "REFEREE": 4, "SILENT": 1}

Row = dict[str, Any]


class Old:
    """A database of an older system, at the baseline."""

    def __init__(self, dsn: str) -> None:
        self.said: list[str] = []
        self.migrator = Migrator(dsn, say=self.said.append)
        self.migrator.migrate("0001")
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.execute("set search_path = lockstep, public")

    def dump(self) -> dict[str, list[Row]]:
        return {
            table: [
                row[0]
                for row in self.connection.execute(
                    f"select to_jsonb(t) from lockstep.{table} as t order by {key}".encode()
                )
            ]
            for table, key in TABLES.items()
        }

    def up(self) -> None:
        self.migrator.migrate()
        self.migrator.load()

    def down(self) -> None:
        self.migrator.rollback("0001")

    def insert(self, table: str, **columns: object) -> None:
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        self.connection.execute(
            f"insert into lockstep.{table} ({names}) values ({marks})".encode(),
            list(columns.values()),
        )

    def quarantine(self, migration: str, table: str) -> list[Any]:
        return rows(
            self.connection,
            "select * from lockstep.quarantine where migration = %s and table_name = %s order by id",
            migration,
            table,
        )


@pytest.fixture
def old(empty_database: str) -> Iterator[Old]:
    found = Old(empty_database)
    yield found
    found.connection.close()


def specializations(old: Old, *names: str) -> None:
    for name in names:
        old.insert("specializations", id=name, name=f"The {name}", max_levels=SAID[name])


# A world of every trouble at once --------------------------------------------------------------


def plant_a_world(old: Old, random: Random) -> None:
    """About 200 rows: duplicates, orphans, impossible levels and figures, missing sides, lost keys."""
    add_users(old.connection, *range(1, 31))
    specializations(old, *SAID)
    start = datetime(2020, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)

    def moment() -> datetime:
        # Few enough to tie.
        return start + timedelta(days=random.randint(0, 3), microseconds=random.choice([0, 1]))

    def user() -> int:
        return random.choice([random.randint(1, 30)] * 15 + [random.randint(900, 905)])

    def specialization() -> str:
        return random.choice([*SAID] * 4 + ["PLAYER"] * 4 + ["GONE"])

    def hours() -> Decimal:
        figure = Decimal(random.randint(-50, 500)) / 100
        return random.choice([figure] * 20 + [Decimal("NaN")])

    for number in range(80):
        old.insert(
            "specialization_progress",
            # The same number for rows of different users: the key is (user, id).
            id=number % 60 + 1 if number < 60 else number + 1000,
            student_id=user(),
            specialization_id=specialization(),
            current_level=random.choice([1, 1, 2, 2, 3, 4, 5, 8, 9, 12, 0, -3]),
            total_xp=random.choice([0, 100, 100, 2**40, -5]),
            completed_sessions=random.choice([0, 3, -1]),
            completed_projects=random.choice([0, 3, -1]),
            theory_hours_completed=hours(),
            practice_hours_completed=hours(),
            last_activity=random.choice([None, moment()]),
            created_at=moment(),
            updated_at=moment(),
        )
    for number in range(80):
        old.insert(
            "user_licenses",
            id=number + 1,
            user_id=user(),
            specialization_type=specialization(),
            current_level=random.choice([1, 1, 2, 2, 3, 4, 5, 8, 9, 12, 0, -3]),
            max_achieved_level=random.choice([1, 2, 3, 8, 20, -1]),
            started_at=moment(),
            is_active=random.random() < 0.8,
            instructor_notes=random.choice([None, "", 'Árvíztűrő "x" \\ é']),
            created_at=moment(),
            updated_at=moment(),
        )
    for _ in range(60):
        old.insert(
            "license_progressions",
            user_license_id=random.choice([random.randint(1, 80)] * 9 + [777]),
            from_level=random.choice([None, 1, 2]),
            to_level=random.choice([1, 2, 3, 99]),
            advanced_by=random.choice([None, 1, 2, 3, 12345]),
            advancement_reason=random.choice([None, "exam"]),
            advanced_at=moment(),
        )


def pair_key(row: Row) -> tuple[int, str]:
    if "student_id" in row:
        return row["student_id"], row["specialization_id"]
    return row["user_id"], row["specialization_type"]


def survivors(found: list[Row], second: str) -> tuple[dict[tuple[int, str], Row], list[Row]]:
    """Who stays and who goes, by the documented rule: level, then `second`, newest, id."""

    def rank(row: Row) -> tuple[object, ...]:
        return row["current_level"], row[second], row["updated_at"], row["id"]

    best: dict[tuple[int, str], Row] = {}
    losers: list[Row] = []
    for key, group in groupby(sorted(found, key=pair_key), pair_key):
        *lost, kept = sorted(group, key=rank)
        best[key] = kept
        losers += lost
    return best, losers


def figure(number: object) -> float:
    """A total as the cleaning leaves it: never below 0, always a number."""
    value = float(str(number))
    return 0 if math.isnan(value) else max(value, 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_world_is_cleaned_by_the_rules_and_comes_back_byte_for_byte(old: Old, seed: int) -> None:
    plant_a_world(old, Random(seed))
    before = old.dump()
    best_progress, lost_progress = survivors(before["specialization_progress"], "total_xp")
    best_license, lost_license = survivors(before["user_licenses"], "max_achieved_level")
    users = {row["id"] for row in before["users"]}
    assert len(lost_progress) > 5
    assert len(lost_license) > 5

    old.up()

    # Losers stand whole in the quarantine, with the survivor and a reason.
    for table, lost, best in (
        ("specialization_progress", lost_progress, best_progress),
        ("user_licenses", lost_license, best_license),
    ):
        kept = old.quarantine("0002", table)
        by_id = {(pair_key(row.row_before), row.row_before["id"]): row for row in kept}
        assert len(by_id) == len(kept) == len(lost)
        for row in lost:
            entry = by_id[pair_key(row), row["id"]]
            assert entry.row_before == row
            assert entry.survivor_id == best[pair_key(row)]["id"]
            assert entry.reason

    # Orphans stand whole in the quarantine too.
    def is_orphan(key: tuple[int, str]) -> bool:
        return key[0] not in users or key[1] not in SAID

    for table, best in ("specialization_progress", best_progress), ("user_licenses", best_license):
        kept = [row.row_before for row in old.quarantine("0004", table) if row.row_after is None]
        orphans = [row for key, row in best.items() if is_orphan(key)]
        assert sorted(kept, key=str) == sorted(orphans, key=str)
        assert orphans

    # Survivors: on the nearest level that exists, both sides on the higher one.
    def near(key: tuple[int, str], level: int) -> int:
        return min(max(level, 1), MOST[key[1]])

    keys = {key for key in best_progress.keys() | best_license.keys() if not is_orphan(key)}
    assert value(old.connection, "select count(*) from lockstep.specialization_progress") == len(keys)
    assert value(old.connection, "select count(*) from lockstep.user_licenses") == len(keys)
    assert {len(keys & best_progress.keys()), len(keys & best_license.keys())} != {len(keys)}
    for key in keys:
        sides = [best[key] for best in (best_progress, best_license) if key in best]
        level = max(near(key, side["current_level"]) for side in sides)
        assert levels(old.connection, *key) == (level, level), key
        row, held = progress(old.connection, *key), license(old.connection, *key)
        if key in best_progress:
            found = best_progress[key]
            assert row.id == found["id"]
            for name in (
                *("total_xp", "completed_sessions", "completed_projects"),
                *("theory_hours_completed", "practice_hours_completed"),
            ):
                assert float(getattr(row, name)) == figure(found[name]), (key, name)
        if key in best_license:
            found = best_license[key]
            assert held.id == found["id"]
            assert held.instructor_notes == found["instructor_notes"]
            achieved = max(near(key, found["max_achieved_level"]), level)
            assert held.max_achieved_level == achieved, key
        else:
            assert held.max_achieved_level == level
    assert desyncs(old.connection) == 0

    # The history follows the survivor; what belongs to nobody is in the quarantine, whole.
    survivor_of = {row["id"]: best_license[pair_key(row)] for row in before["user_licenses"]}
    after = {row.id: row for row in rows(old.connection, "select * from lockstep.license_progressions")}
    gone = {row.row_before["id"] for row in old.quarantine("0006", "license_progressions") if row.row_after is None}
    for was in before["license_progressions"]:
        survivor = survivor_of.get(was["user_license_id"])
        if survivor is None or is_orphan(pair_key(survivor)):
            assert was["id"] in gone
            continue
        now = after.pop(was["id"])
        assert (now.user_id, now.user_license_id) == (survivor["user_id"], survivor["id"])
        assert now.route == "client"
        assert now.advanced_by == (was["advanced_by"] if was["advanced_by"] in users else None)
    assert after == {}
    assert len(gone) > 0

    # The counts are told.
    told = " ".join(old.said)
    assert str(len(lost_progress)) in told
    assert str(len(lost_license)) in told

    old.down()
    assert old.dump() == before
    assert rows(old.connection, "select to_regclass('lockstep.quarantine') as gone") == [(None,)]


def test_a_cleaned_world_goes_up_down_and_up_again_to_the_same_rows(old: Old) -> None:
    plant_a_world(old, Random(4))
    before = old.dump()
    old.up()
    first = old.dump()
    old.down()
    assert old.dump() == before
    old.up()
    again = old.dump()
    # Sides that the migration makes get a new id and a new time each time.
    made = {"id", "created_at", "updated_at", "started_at"}
    planted = {
        table: {(*pair_key(row), row["id"]) for row in before[table]}
        for table in ("specialization_progress", "user_licenses")
    }
    for table in TABLES:
        for one_, two in zip(first[table], again[table], strict=True):
            if table in planted and (*pair_key(one_), one_["id"]) not in planted[table]:
                continue
            assert {n: v for n, v in one_.items() if n not in made} == {n: v for n, v in two.items() if n not in made}


def test_a_clean_baseline_goes_up_and_down_without_a_trace(old: Old) -> None:
    specializations(old, "PLAYER")
    add_users(old.connection, 1, 2)
    old.insert("specialization_progress", student_id=1, specialization_id="PLAYER", current_level=3)
    old.insert(
        "user_licenses",
        user_id=1,
        specialization_type="PLAYER",
        current_level=3,
        max_achieved_level=5,
    )
    before = old.dump()
    old.up()
    assert value(old.connection, "select count(*) from lockstep.quarantine where migration > '0003'") == 0
    assert levels(old.connection) == (3, 3)
    assert license(old.connection).max_achieved_level == 5
    old.down()
    assert old.dump() == before


@pytest.mark.parametrize("names", [(), ("SILENT", "REFEREE")])
def test_specializations_that_the_migration_adds_or_counts_go_back_too(old: Old, names: tuple[str, ...]) -> None:
    specializations(old, *names)
    before = old.dump()
    old.up()
    assert {row.id: row.max_levels for row in rows(old.connection, "select * from lockstep.specializations")} == {
        **{"PLAYER": 8, "COACH": 8, "INTERNSHIP": 3},
        **{name: MOST[name] for name in names},
    }
    old.down()
    assert old.dump() == before


# The rules, one by one -------------------------------------------------------------------------


def duplicates(old: Old, table: str, user: int, *copies: Row) -> None:
    key: Row = {"student_id": user, "specialization_id": "PLAYER"}
    if table == "user_licenses":
        key = {"user_id": user, "specialization_type": "PLAYER"}
    for copy in copies:
        old.insert(table, **key, **copy)


EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)


def test_of_progress_the_highest_level_survives_then_most_xp_then_the_newest_then_the_highest_id(
    old: Old,
) -> None:
    cases: list[tuple[Row, Row]] = [
        ({"current_level": 3, "total_xp": 1}, {"current_level": 2, "total_xp": 9, "updated_at": LATE}),
        ({"total_xp": 9, "updated_at": EARLY}, {"total_xp": 8, "updated_at": LATE}),
        ({"total_xp": 9, "updated_at": LATE}, {"total_xp": 9, "updated_at": EARLY}),
        ({"id": 900, "updated_at": LATE}, {"id": 800, "updated_at": LATE}),
    ]
    specializations(old, "PLAYER")
    add_users(old.connection, *range(1, 9))
    for user, (better, worse) in enumerate(cases + cases, 1):
        copies = [{"completed_projects": 1, **better}, {"completed_projects": 2, **worse}]
        order = 1 if user <= len(cases) else -1
        duplicates(old, "specialization_progress", user, *copies[::order])
    old.up()
    for user in range(1, 9):
        assert progress(old.connection, user).completed_projects == 1, user
    lost = old.quarantine("0002", "specialization_progress")
    assert [row.row_before["completed_projects"] for row in lost] == [2] * 8


def test_of_licenses_the_highest_level_survives_then_most_achieved_then_the_newest_then_the_highest_id(
    old: Old,
) -> None:
    cases: list[tuple[Row, Row]] = [
        ({"current_level": 3}, {"current_level": 2, "max_achieved_level": 8, "updated_at": LATE}),
        ({"max_achieved_level": 5, "updated_at": EARLY}, {"max_achieved_level": 4, "updated_at": LATE}),
        ({"max_achieved_level": 5, "updated_at": LATE}, {"max_achieved_level": 5, "updated_at": EARLY}),
        ({"id": 900, "updated_at": LATE}, {"id": 800, "updated_at": LATE}),
    ]
    specializations(old, "PLAYER")
    add_users(old.connection, *range(1, 9))
    for user, (better, worse) in enumerate(cases + cases, 1):
        copies = [{"instructor_notes": "better", **better}, {"instructor_notes": "worse", **worse}]
        order = 1 if user <= len(cases) else -1
        duplicates(old, "user_licenses", user, *copies[::order])
    old.up()
    for user in range(1, 9):
        assert license(old.connection, user).instructor_notes == "better", user
    lost = old.quarantine("0002", "user_licenses")
    assert [row.row_before["instructor_notes"] for row in lost] == ["worse"] * 8


def test_history_of_the_losers_follows_the_survivor_and_goes_back(old: Old) -> None:
    specializations(old, "PLAYER")
    add_users(old.connection, 1)
    duplicates(
        old,
        "user_licenses",
        1,
        {"id": 1, "current_level": 4},
        {"id": 2, "current_level": 2},
        {"id": 3, "current_level": 3},
    )
    for license_id, level in (1, 4), (2, 2), (3, 3), (2, 1):
        old.insert("license_progressions", user_license_id=license_id, to_level=level)
    before = old.dump()
    old.up()
    assert one(
        old.connection,
        "select count(*), min(user_license_id), max(user_license_id) from lockstep.license_progressions",
    ) == (4, 1, 1)
    assert [change[1] for change in history(old.connection)] == [4, 2, 3, 1]
    moved = {row.row_before["id"]: row.moved_references for row in old.quarantine("0002", "user_licenses")}
    assert moved == {2: [2, 4], 3: [3]}
    old.down()
    assert old.dump() == before


def test_a_duplicate_takes_no_row_of_somebody_else_with_the_same_id_along(old: Old) -> None:
    specializations(old, "PLAYER")
    add_users(old.connection, 1, 2)
    duplicates(
        old,
        "specialization_progress",
        1,
        {"id": 7, "current_level": 1},
        {"id": 8, "current_level": 2},
    )
    old.insert("specialization_progress", id=7, student_id=2, specialization_id="PLAYER", total_xp=55)
    for number, user in (7, 1), (8, 1), (7, 2):
        old.insert("user_licenses", id=number, user_id=user, specialization_type="PLAYER")
    before = old.dump()
    old.up()
    assert progress(old.connection, 2).total_xp == 55
    assert license(old.connection, 2).id == 7
    assert levels(old.connection, 1) == (2, 2)
    old.down()
    assert old.dump() == before


def test_what_was_written_since_survives_going_down(old: Old) -> None:
    plant_a_world(old, Random(5))
    specialization = "PLAYER"
    old.up()
    add_users(old.connection, 501)
    update_level(old.connection, 501, specialization, 4, 70)
    changed = one(
        old.connection,
        "select user_id from lockstep.user_licenses"
        " where specialization_type = 'PLAYER' and user_id < 500 and current_level < 7 limit 1",
    ).user_id
    update_level(old.connection, changed, specialization, 7, 5)
    kept = progress(old.connection, changed).id, license(old.connection, changed).id
    old.down()
    assert levels(old.connection, 501) == (4, 4)
    assert progress(old.connection, 501).total_xp == 70
    assert levels(old.connection, changed) == (7, 7)
    assert (progress(old.connection, changed).id, license(old.connection, changed).id) == kept


def test_after_the_cleaning_everything_works(old: Old) -> None:
    plant_a_world(old, Random(6))
    old.up()
    for user in range(1, 31):
        level_up(old.connection, user, "PLAYER", 10)
        update_level(old.connection, user, "REFEREE", 4)
    assert desyncs(old.connection) == 0
    assert (
        value(
            old.connection,
            "select count(*) from lockstep.user_licenses where specialization_type = 'REFEREE'"
            " and current_level = 4 and user_id <= 30",
        )
        == 30
    )
