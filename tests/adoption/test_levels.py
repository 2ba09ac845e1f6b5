"""A school's own levels: both ways keep what can be kept, say what cannot, and agree."""

from pathlib import Path

from app.adoption.adopt import Result
from app.migrator import dump
from app.postgres import Server
from app.takeover import Report
from tests.adoption import legacy
from tests.adoption.conftest import Adopt
from tests.adoption.legacy import Manifest
from tests.adoption.test_adopt import counted
from tests.adoption.test_in_place import contents, old_school, told
from tests.pairs import Connection, desyncs, levels, rows, update_level, value

LEVELS = (
    "select specialization_id, level, name, name_en, color, required_xp, required_sessions,"
    " theory_hours, practice_hours, total_hours from lockstep.specialization_levels order by 1, 2"
)
SUMMED = (
    "select specialization_id, current_level, count(*), sum(total_xp) from lockstep.specialization_progress"
    " group by 1, 2 order by 1, 2"
)


# What is not as it was, in the words of either way.
OUTCOMES = (
    "select table_name, outcome, array_to_string(array(select word from unnest(reasons) as word order by 1), ', ')"
    " as reasons, count(*) as n from lockstep.adoption_outcomes group by 1, 2, 3"
)


def in_words(connection: Connection) -> dict[tuple[str, str, str], int]:
    """But for what the two do in ways of their own.

    A missing side is named on the side that is there, or on the one that was made; a cap is a specialization's that is
    merged, or its own; history to a level that does not exist is left out, or stays as an old client's remark.
    """
    return {
        (row.table_name, row.outcome, row.reasons): row.n
        for row in rows(connection, OUTCOMES)
        if row.reasons != "missing_side" and row.table_name not in ("specializations", "license_progressions")
    }


def said(report: Report) -> dict[str, str]:
    return {subject: detail.split(":")[0] for subject, detail in told(report, "levels").items()}


def lines(result: Result) -> list[tuple[str, str, str | None]]:
    return [(f"{row['table_name']} {row['level']}", row["outcome"], row["reason"]) for row in result.levels]


def test_a_schools_own_levels_come_over_alike_in_both_ways_and_each_is_told(
    server: Server, admin: Connection, pgbin: Path, connection: Connection, take: Adopt
) -> None:
    with old_school(server, admin, users=200) as old:
        with old.connect() as there:
            holders = legacy.change_levels(there)
            # Rows of one address are joined by the one way, and not by the other.
            there.execute("update users set email = id || email")
        before = dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)
        dry = take(apply=False, source=old.dsn)
        adopted = take(source=old.dsn)
        assert adopted.differences == []
        assert adopted.levels == dry.levels
        assert lines(adopted) == [
            ("coach_levels 3", "imported", "level_replaced"),
            ("coach_levels 5", "quarantined", "impossible_figure"),
            ("coach_levels 9", "imported", None),
            ("coach_levels 10", "quarantined", "impossible_figure"),
            ("coach_levels 12", "quarantined", "level_gap"),
            *((f"player_levels {level}", "removed", "level_not_there") for level in (6, 7, 8)),
        ]
        assert {(row["outcome"], row["reasons"]) for row in take(source=old.dsn).plan} == {("unchanged", "")}

        would, report = old.take_over(apply=False), old.take_over()
        assert told(would, "levels") == told(report, "levels")
        assert said(report) == {
            "COACH 3": "kept as the school has it",
            "COACH 5": "left out",
            "COACH 9": "kept",
            "COACH 10": "left out",
            "COACH 12": "left out",
            **{f"PLAYER {level}": "goes" for level in (6, 7, 8)},
        }
        with old.connect() as here:
            for one in (connection, here):
                found = {(row.specialization_id, row.level): row for row in rows(one, LEVELS)}
                assert len(found) == 5 + 9 + 3
                assert (found["COACH", 3].name, found["COACH", 3].required_xp) == ("Helper", 59000)
                assert (found["COACH", 5].required_sessions, found["COACH", 9].name) == (25, "Master")
                assert [levels(one, user, "COACH") for user in holders] == [(9, 9)] * 3
                caps = "select id, max_levels from lockstep.specializations order by 1"
                assert rows(one, caps) == [("COACH", 9), ("INTERNSHIP", 3), ("PLAYER", 5)]
                assert desyncs(one) == 0
            assert rows(here, LEVELS) == rows(connection, LEVELS)
            assert rows(here, SUMMED) == rows(connection, SUMMED)
            words = in_words(connection)
            assert words == in_words(here)
            assert len(words) > 15
        old.give_back()
        assert (dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)) == before


def test_levels_that_somebody_here_goes_by_stand_and_the_source_is_told_so(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    legacy.change_levels(old)
    connection.execute("insert into lockstep.users (id, email) values (90000, 'somebody@here.example')")
    update_level(connection, 90_000, "COACH", 3)
    update_level(connection, 90_000, "PLAYER", 2)
    first = take()
    assert lines(first)[0] == ("coach_levels 3", "conflict", "level_differs")
    assert ("coach_levels 9", "imported", None) in lines(first)
    assert [line for line in lines(first) if line[1] == "removed"] == []
    assert value(connection, "select max_levels from lockstep.specializations where id = 'PLAYER'") == 8
    assert value(connection, "select max_levels from lockstep.specializations where id = 'COACH'") == 9
    assert value(connection, "select required_xp from lockstep.coach_levels where id = 3") == 60_000

    # Later: what the adoption wrote follows the source, but not over what was changed here.
    old.execute("update public.coach_levels set required_xp = 410000 where id = 9")
    take()
    assert value(connection, "select required_xp from lockstep.coach_levels where id = 9") == 410_000
    connection.execute("update lockstep.specialization_levels set required_xp = 405000 where level = 9")
    assert lines(take()) == []
    old.execute("update public.coach_levels set required_xp = 420000 where id = 9")
    assert lines(take()) == [("coach_levels 9", "conflict", "changed_here")]
    assert value(connection, "select required_xp from lockstep.coach_levels where id = 9") == 405_000


def test_a_specialization_that_is_not_here_comes_over_with_the_levels_it_promises(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    old.execute("insert into public.specializations (id, name, max_levels) values ('GOALKEEPER', 'Goalkeeper', 4)")
    result = take()
    assert result.differences == []
    assert counted(result.plan, "specializations", "imported") == 1
    assert counted(result.plan, "specialization_progress", reason="no_specialization") == 0
    assert value(connection, "select max_levels from lockstep.specializations where id = 'GOALKEEPER'") == 4
    assert value(connection, "select count(*) from lockstep.pairs where specialization = 'GOALKEEPER'") > 0
