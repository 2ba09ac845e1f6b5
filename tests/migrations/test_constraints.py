"""The data rules that constraints carry: A1, A2, A4, A5, A9."""

from decimal import Decimal

import pytest

from tests.cluster import unnumbered
from tests.pairs import (
    Connect,
    Connection,
    levels,
    license,
    progress,
    refused,
    rows,
    update_level,
    value,
)

pytestmark = pytest.mark.usefixtures("people")

WRITERS = [None, "lockstep_owner", "lockstep_legacy"]

PAIR_COLUMNS = {
    "specialization_progress": ("student_id", "specialization_id"),
    "user_licenses": ("user_id", "specialization_type"),
}

UNIQUE = {
    "specialization_progress": "uq_specialization_progress_user_spec",
    "user_licenses": "uq_user_licenses_user_spec",
}


@pytest.mark.parametrize("table", PAIR_COLUMNS)
def test_exactly_one_unique_constraint_stands_on_exactly_these_two_columns(connection: Connection, table: str) -> None:
    found = rows(
        connection,
        """
        select con.conname
        from pg_constraint as con
        where con.contype in ('u', 'p')
            and con.conrelid = %s::regclass
            and (
                select array_agg(att.attname::text order by att.attname)
                from pg_attribute as att
                where att.attrelid = con.conrelid and att.attnum = any(con.conkey)
            ) = %s
        """,
        f"lockstep.{table}",
        sorted(PAIR_COLUMNS[table]),
    )
    assert found == [(UNIQUE[table],)]


@pytest.mark.parametrize("role", WRITERS)
def test_a_second_row_of_the_same_pair_gets_23505(connection: Connection, connect: Connect, role: str | None) -> None:
    update_level(connection, 1, "PLAYER", 2)
    session = connect(role)
    for table, columns in PAIR_COLUMNS.items():
        insert = f"insert into lockstep.{table} ({', '.join(columns)}) values (1, 'PLAYER')"
        with refused("23505") as caught:
            session.execute(insert.encode())
        assert unnumbered(caught.value.diag.constraint_name or "") == UNIQUE[table]
        assert value(connection, f"select count(*) from lockstep.{table}") == 1


def test_the_foreign_keys_are_named_validated_and_restrict(connection: Connection) -> None:
    found = rows(
        connection,
        """
        select con.conname, con.confrelid::regclass::text as target, con.confdeltype::text,
            con.convalidated
        from pg_constraint as con
        where con.contype = 'f'
            and con.conrelid in (
                'lockstep.specialization_progress'::regclass, 'lockstep.user_licenses'::regclass
            )
            and con.confrelid in (
                'lockstep.users'::regclass, 'lockstep.specializations'::regclass,
                'lockstep.specialization_levels'::regclass
            )
        order by con.conname
        """,
    )
    assert found == [
        ("fk_specialization_progress_level", "specialization_levels", "r", True),
        ("fk_specialization_progress_spec", "specializations", "r", True),
        ("fk_specialization_progress_user", "users", "r", True),
        ("fk_user_licenses_level", "specialization_levels", "r", True),
        ("fk_user_licenses_max_level", "specialization_levels", "r", True),
        ("fk_user_licenses_spec", "specializations", "r", True),
        ("fk_user_licenses_user", "users", "r", True),
    ]


def test_the_coupling_keys_are_deferred_and_cascade_nothing(connection: Connection) -> None:
    found = rows(
        connection,
        "select conname, condeferrable, condeferred, convalidated,"
        " confdeltype::text || confupdtype::text as actions from pg_constraint"
        " where conname in ('fk_specialization_progress_license', 'fk_user_licenses_progress')"
        " order by conname",
    )
    assert found == [
        ("fk_specialization_progress_license", True, True, True, "aa"),
        ("fk_user_licenses_progress", True, True, True, "aa"),
    ]


@pytest.mark.parametrize("role", [None, "lockstep_owner"])
def test_deleting_a_referenced_user_is_refused(connection: Connection, connect: Connect, role: str | None) -> None:
    update_level(connection, 1, "PLAYER", 1)
    session = connect(role)
    with refused("23001", "23503"):
        session.execute("delete from lockstep.users where id = 1")
    session.execute("delete from lockstep.users where id = 2")
    assert levels(connection) == (1, 1)


def test_deleting_a_referenced_specialization_is_refused(connection: Connection) -> None:
    connection.execute("insert into lockstep.specializations (id, name) values ('REFEREE', 'R')")
    connection.execute("delete from lockstep.specializations where id = 'REFEREE'")
    update_level(connection, 1, "PLAYER", 1)
    with refused("23001", "23503"):
        connection.execute("delete from lockstep.specializations where id = 'PLAYER'")
    with refused("23001", "23503"):
        connection.execute(
            "with gone as (delete from lockstep.specialization_levels"
            " where specialization_id = 'PLAYER') delete from lockstep.specializations"
            " where id = 'PLAYER'"
        )
    assert levels(connection) == (1, 1)


@pytest.mark.parametrize("role", WRITERS)
def test_an_orphan_insert_gets_23503(connection: Connection, connect: Connect, role: str | None) -> None:
    session = connect(role)
    for table, columns in PAIR_COLUMNS.items():
        insert = f"insert into lockstep.{table} ({', '.join(columns)}) values (%s, %s)"
        for key in (999, "PLAYER"), (1, "JUGGLER"):
            with refused("23503"):
                session.execute(insert.encode(), key)
        assert value(connection, f"select count(*) from lockstep.{table}") == 0


LEVEL_NINE = [
    "update lockstep.specialization_progress set current_level = 9",
    "update lockstep.user_licenses set current_level = 9",
    "update lockstep.user_licenses set max_achieved_level = 9",
    "update lockstep.specialization_progress set current_level = 0",
    "update lockstep.user_licenses set current_level = 0",
    "insert into lockstep.specialization_progress (student_id, specialization_id, current_level)"
    " values (2, 'PLAYER', 9)",
    "insert into lockstep.user_licenses (user_id, specialization_type, current_level) values (2, 'PLAYER', 9)",
    "insert into lockstep.specialization_progress (student_id, specialization_id)"
    " values (1, 'PLAYER') on conflict (student_id, specialization_id)"
    " do update set current_level = 9",
    "merge into lockstep.specialization_progress as progress using (values (1)) as wanted (id)"
    " on progress.student_id = wanted.id when matched then update set current_level = 9",
]


@pytest.mark.parametrize("role", WRITERS)
def test_level_nine_of_player_is_refused_whatever_writes_it(
    connection: Connection, connect: Connect, role: str | None
) -> None:
    update_level(connection, 1, "PLAYER", 8)
    session = connect(role)
    for statement in LEVEL_NINE:
        with refused("23503"):
            session.execute(statement.encode())
    assert levels(connection) == (8, 8)
    assert levels(connection, 2) == (None, None)


def test_level_nine_of_player_is_refused_through_every_function(connection: Connection) -> None:
    with refused("LS003"):
        update_level(connection, 1, "PLAYER", 9)
    with refused("23503"), connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            "insert into lockstep.specialization_progress"
            " (student_id, specialization_id, current_level) values (1, 'PLAYER', 9)"
        )
    with refused("23503"), connection.cursor() as cursor:
        statement = "copy lockstep.specialization_progress (student_id, specialization_id, current_level) from stdin"
        with cursor.copy(statement) as copy:
            copy.write_row((1, "PLAYER", 9))
    assert levels(connection) == (None, None)


def test_a_negative_figure_or_one_that_is_no_number_is_refused(connection: Connection) -> None:
    update_level(connection, 1, "COACH", 1)
    for column, figure in (
        ("total_xp", "-1"),
        ("completed_sessions", "-1"),
        ("completed_projects", "-1"),
        ("theory_hours_completed", "-0.01"),
        ("practice_hours_completed", "-0.01"),
        ("theory_hours_completed", "'NaN'"),
        ("practice_hours_completed", "'NaN'"),
    ):
        for statement in (
            f"update lockstep.specialization_progress set {column} = {figure}",
            "insert into lockstep.specialization_progress"
            f" (student_id, specialization_id, {column}) values (2, 'COACH', {figure})",
        ):
            with refused("23514"):
                connection.execute(statement.encode())
    assert progress(connection, 1, "COACH").theory_hours_completed == Decimal(0)
    assert levels(connection, 2, "COACH") == (None, None)


def test_hours_beyond_six_digits_are_refused(connection: Connection) -> None:
    update_level(connection, 1, "COACH", 1)
    for figure in "'Infinity'", "'-Infinity'", "1000000":
        statement = f"update lockstep.specialization_progress set theory_hours_completed = {figure}"
        with refused("22003"):
            connection.execute(statement.encode())


@pytest.mark.parametrize("role", WRITERS)
def test_the_highest_level_achieved_never_falls_and_is_at_least_the_level_held(
    connection: Connection, connect: Connect, role: str | None
) -> None:
    update_level(connection, 1, "PLAYER", 6)
    update_level(connection, 1, "PLAYER", 3)
    session = connect(role)
    for figure in 5, 2, 0:
        with refused("23514"):
            session.execute(b"update lockstep.user_licenses set max_achieved_level = %s", [figure])
    session.execute("update lockstep.user_licenses set current_level = 2")
    assert license(connection).max_achieved_level == 6
    session.execute("update lockstep.user_licenses set current_level = 8")
    assert license(connection).max_achieved_level == 8


def test_the_highest_level_below_the_level_held_is_refused_even_where_no_trigger_lifts_it(
    connection: Connection,
) -> None:
    update_level(connection, 1, "PLAYER", 6)
    with refused("23514"), connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute("update lockstep.user_licenses set max_achieved_level = 5")
