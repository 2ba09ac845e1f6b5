"""The demo population."""

from typing import Any

import psycopg
import pytest

from app.seed import COUNTED, PEOPLE, seed
from tests.pairs import Connection, add_users, at_once, desyncs, one, rows, value


def school(connection: Connection) -> list[Any]:
    """Everything in it but the moments."""
    return rows(
        connection,
        """
        select person.id, person.email, person.name, person.role, progress.specialization_id,
            progress.current_level, progress.total_xp, progress.completed_sessions,
            progress.theory_hours_completed, progress.practice_hours_completed, (
                select array_agg(
                    row(history.from_level, history.to_level, history.advanced_by)::text order by history.id
                )
                from lockstep.license_progressions as history
                inner join lockstep.user_licenses as license
                    on license.user_id = history.user_id and license.id = history.user_license_id
                where license.user_id = progress.student_id
                    and license.specialization_type = progress.specialization_id
            ) as levels
        from lockstep.users as person
        left outer join lockstep.specialization_progress as progress on progress.student_id = person.id
        order by person.id, progress.specialization_id
        """,
    )


def test_an_empty_database_gets_the_school_in_about_a_thousand_calls(connection: Connection, database: str) -> None:
    made = seed(database)
    assert tuple(made) == COUNTED
    assert 500 < made["calls"] < 1500
    assert (made["students"], made["instructors"], made["admins"]) == (200, 10, 2)
    found = rows(connection, "select role, count(*) as people from lockstep.users group by role")
    assert {row.role: row.people for row in found} == PEOPLE
    assert value(connection, "select count(*) from lockstep.specialization_progress") == made["pairs"]
    assert desyncs(connection) == 0


def test_names_and_addresses_are_plainly_made_up(connection: Connection, database: str) -> None:
    seed(database)
    some = "select name, email from lockstep.users where email ~ '^(student017|instructor003)@' order by id"
    assert rows(connection, some) == [
        ("Student 017 Example", "student017@example.org"),
        ("Instructor 003 Example", "instructor003@example.org"),
    ]
    assert value(
        connection, "select bool_and(email like '%%@example.org' and name like '%% Example') from lockstep.users"
    )


def test_levels_and_histories_are_spread_as_a_schools_are(connection: Connection, database: str) -> None:
    made = seed(database)
    found = one(
        connection,
        """
        select
            count(*) filter (where current_level <= 2)::float / count(*) as low,
            count(*) filter (where current_level >= 6)::float / count(*) as high,
            max(current_level) as top,
            count(*) filter (where completed_sessions = 1 and current_level = 1) as just_begun,
            count(distinct specialization_id) as specializations,
            count(*) - count(distinct student_id) as seconds,
            count(distinct student_id) as students
        from lockstep.specialization_progress
        """,
    )
    assert found.low > 0.5
    assert 0.02 < found.high < 0.2
    assert (found.top, found.specializations, found.students) == (8, 3, 200)
    assert found.just_begun > 5
    assert 20 < found.seconds < 60

    history = one(
        connection,
        """
        select
            count(*) filter (where to_level < from_level) as lowered,
            count(distinct advanced_by) as actors,
            bool_and(person.role = 'instructor') as by_instructors,
            bool_and(history.route = 'function') as by_functions
        from lockstep.license_progressions as history
        left outer join lockstep.users as person on person.id = history.advanced_by
        """,
    )
    assert history == (made["lowered"], 10, True, True)
    assert made["lowered"] > 2


def test_every_level_that_was_not_lowered_is_what_the_totals_reach(connection: Connection, database: str) -> None:
    made = seed(database)
    differing = value(
        connection,
        """
        select count(*)
        from lockstep.specialization_progress
        where current_level <> lockstep.reached_level(
            specialization_id, 1, total_xp, completed_sessions,
            theory_hours_completed, practice_hours_completed
        )
        """,
    )
    assert differing == made["lowered"]


def test_a_second_run_changes_nothing_and_makes_nothing(connection: Connection, database: str) -> None:
    seed(database)
    before = school(connection)
    assert seed(database) == dict.fromkeys(COUNTED, 0)
    assert school(connection) == before


def test_a_database_with_anybody_in_it_is_left_alone(connection: Connection, database: str) -> None:
    add_users(connection, 1)
    assert seed(database) == dict.fromkeys(COUNTED, 0)
    assert value(connection, "select count(*) from lockstep.users") == 1


def test_two_runs_at_once_make_one_school(connection: Connection, database: str) -> None:
    made = at_once([lambda: seed(database)] * 2)
    assert sorted(counts["students"] for counts in made) == [0, 200]
    assert value(connection, "select count(*) from lockstep.users") == 212


def test_two_databases_get_the_same_school(connection: Connection, database: str) -> None:
    connection.execute("alter table lockstep.users alter column id restart")
    seed(database)
    first = school(connection)
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        for table in ("license_progressions", "user_licenses", "specialization_progress", "users"):
            connection.execute(f"alter table lockstep.{table} disable trigger all".encode())
            connection.execute(f"delete from lockstep.{table}".encode())
            connection.execute(f"alter table lockstep.{table} enable trigger all".encode())
        connection.execute("alter table lockstep.users alter column id restart")
    seed(database)
    assert school(connection) == first


def test_a_specialization_of_the_schools_own_gets_students_too(connection: Connection, database: str) -> None:
    connection.execute("insert into lockstep.specializations (id, name) values ('KEEPER', 'Goalkeeper')")
    connection.execute(
        "insert into lockstep.specialization_levels (specialization_id, level, name, required_xp)"
        " values ('KEEPER', 1, 'Line', 0)"
    )
    seed(database)
    assert value(connection, "select count(*) from lockstep.specialization_progress where specialization_id = 'KEEPER'")


def test_a_failure_half_way_leaves_nobody(connection: Connection, database: str) -> None:
    connection.execute("alter table lockstep.specialization_progress add constraint planted check (total_xp < 100000)")
    with pytest.raises(psycopg.errors.CheckViolation):
        seed(database)
    assert value(connection, "select count(*) from lockstep.users") == 0
