"""The level rows (A5 to A8): what exists, who holds it, and the figure that follows them."""

import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    background,
    level_up,
    levels,
    one,
    refused,
    rows,
    update_level,
    value,
)
from tests.support import wait_until_blocked

ADD = (
    "insert into lockstep.specialization_levels (specialization_id, level, name, required_xp)"
    " values ('{}', {}, 'Level {}', 1000000)"
)


def add(specialization: str, level: int) -> bytes:
    return ADD.format(specialization, level, level).encode()


def most(connection: Connection, specialization: str) -> int:
    found: int = value(connection, "select max_levels from lockstep.specializations where id = %s", specialization)
    return found


def test_internship_has_three_levels(connection: Connection) -> None:
    query = "select id, name, max_levels from specializations where id = 'INTERNSHIP'"
    assert rows(connection, query) == [("INTERNSHIP", "Startup Spirit Intern", 3)]
    assert rows(connection, "select id, name from internship_levels order by id") == [
        (1, "Startup Explorer"),
        (2, "Growth Hacker"),
        (3, "Startup Leader"),
    ]


@pytest.mark.parametrize(
    ("view", "first", "last"),
    [
        ("player_levels", (1, "Bambusz Tanítvány", 12_000), (8, "Sárkány Bölcsesség", 250_000)),
        (
            "coach_levels",
            (1, "LFA Pre Football Asszisztens Edző", 15_000),
            (8, "LFA PRO Football Vezetőedző", 320_000),
        ),
    ],
)
def test_player_and_coach_have_eight_levels(
    connection: Connection, view: str, first: tuple[object, ...], last: tuple[object, ...]
) -> None:
    found = rows(connection, f"select id, name, required_xp from {view} order by id")
    assert [row.id for row in found] == list(range(1, 9))
    assert (found[0], found[-1]) == (first, last)


def test_nobody_writes_through_the_views_of_levels(connect: Connect) -> None:
    for role in "lockstep_app", "lockstep_admin", "lockstep_readonly", "lockstep_legacy":
        session = connect(role)
        for view in "player_levels", "coach_levels", "internship_levels":
            assert rows(session, f"select * from lockstep.{view}")
            for statement in (
                f"update lockstep.{view} set required_xp = 0",
                f"delete from lockstep.{view}",
            ):
                with refused("42501"):
                    session.execute(statement.encode())


def test_max_levels_follows_the_rows_in_the_same_statement(connection: Connection) -> None:
    with connection.transaction():
        connection.execute(add("PLAYER", 9))
        assert most(connection, "PLAYER") == 9
        connection.execute(
            "insert into lockstep.specialization_levels"
            " (specialization_id, level, name, required_xp)"
            " select 'PLAYER', n, 'more', 0 from generate_series(10, 12) as n"
        )
        assert most(connection, "PLAYER") == 12
        connection.execute(
            "delete from lockstep.specialization_levels where specialization_id = 'PLAYER' and level > 8"
        )
        assert most(connection, "PLAYER") == 8


def test_max_levels_goes_back_with_a_rollback(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(add("PLAYER", 9))
    assert most(connection, "PLAYER") == 8


def test_a_new_specialization_starts_without_levels(connection: Connection) -> None:
    connection.execute("insert into lockstep.specializations (id, name) values ('REFEREE', 'R')")
    assert most(connection, "REFEREE") == 0
    connection.execute(add("REFEREE", 1))
    assert most(connection, "REFEREE") == 1


def test_levels_that_move_to_another_specialization_count_there(connection: Connection) -> None:
    connection.execute("insert into lockstep.specializations (id, name) values ('REFEREE', 'R')")
    connection.execute(
        "update lockstep.specialization_levels set specialization_id = 'REFEREE' where specialization_id = 'INTERNSHIP'"
    )
    assert (most(connection, "INTERNSHIP"), most(connection, "REFEREE")) == (0, 3)


GAPS = [
    ADD.format("PLAYER", 10, 10),
    "delete from lockstep.specialization_levels where specialization_id = 'PLAYER' and level = 4",
    "delete from lockstep.specialization_levels where specialization_id = 'PLAYER' and level = 1",
    "update lockstep.specialization_levels set level = 11 where specialization_id = 'PLAYER' and level = 8",
    "update lockstep.specialization_levels set specialization_id = 'COACH', level = 9"
    " where specialization_id = 'PLAYER' and level = 3",
]


def test_a_gap_is_refused(connection: Connection) -> None:
    for statement in GAPS:
        with refused("LS011"):
            connection.execute(statement.encode())
        assert most(connection, "PLAYER") == 8


def test_a_level_below_one_or_twice_is_refused(connection: Connection) -> None:
    with refused("23514"):
        connection.execute(add("PLAYER", 0))
    with refused("23505"):
        connection.execute(add("PLAYER", 8))


BY_HAND = [
    "update lockstep.specializations set max_levels = 9 where id = 'PLAYER'",
    "update lockstep.specializations set max_levels = 0 where id = 'PLAYER'",
    "update lockstep.specializations set max_levels = 5",
    "insert into lockstep.specializations (id, name, max_levels) values ('REFEREE', 'R', 4)",
    "insert into lockstep.specializations (id, name, max_levels) values ('PLAYER', 'P', 0)"
    " on conflict (id) do update set max_levels = 7",
]


def test_a_hand_written_figure_that_the_rows_do_not_back_is_refused(
    connection: Connection,
) -> None:
    for statement in BY_HAND:
        with refused("LS012"):
            connection.execute(statement.encode())
        assert most(connection, "PLAYER") == 8


def test_a_specialization_can_be_edited_otherwise(connection: Connection) -> None:
    connection.execute(
        "update lockstep.specializations set name = 'Player', max_levels = 8, is_active = false where id = 'PLAYER'"
    )
    assert most(connection, "PLAYER") == 8


def test_a_second_writer_of_levels_waits_and_counts_what_the_first_committed(
    connection: Connection, connect: Connect
) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    first.execute(add("PLAYER", 9))
    with background(second, ADD.format("PLAYER", 10, 10) + " returning level") as added:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        assert added.result() == [(10,)]
    assert most(connection, "PLAYER") == 10


def test_a_second_writer_of_levels_is_refused_the_gap_that_a_rollback_leaves(
    connection: Connection, connect: Connect
) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    first.execute(add("PLAYER", 9))
    with background(second, ADD.format("PLAYER", 10, 10) + " returning level") as added:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("rollback")
        with refused("LS011"):
            added.result()
    assert most(connection, "PLAYER") == 8


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_writer_of_levels_with_an_old_snapshot_ends_in_40001(
    connection: Connection, connect: Connect, isolation: str
) -> None:
    late = connect()
    late.execute(f"begin isolation level {isolation}".encode())
    assert most(late, "PLAYER") == 8
    connection.execute(add("PLAYER", 9))
    with refused("40001", "LS011", "23505"):
        late.execute(add("PLAYER", 10))
    late.execute("rollback")
    assert most(connection, "PLAYER") == 9


def test_a_hand_written_figure_cannot_slip_past_an_uncommitted_level(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    first.execute(add("PLAYER", 9))
    query = "update lockstep.specializations set max_levels = 9 where id = 'PLAYER' returning id"
    with background(second, query) as written:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("rollback")
        with refused("LS012"):
            written.result()
    assert most(connection, "PLAYER") == 8


# Levels that somebody holds -------------------------------------------------------------------

GO = "delete from lockstep.specialization_levels where specialization_id = 'PLAYER' and level = 8"
RENUMBER = "update lockstep.specialization_levels set level = 9 where specialization_id = 'PLAYER' and level = 8"


@pytest.mark.parametrize("statement", [GO, RENUMBER])
def test_a_held_level_cannot_go_and_the_holders_are_named(connection: Connection, statement: str) -> None:
    add_users(connection, 70001, 70002, 70003)
    update_level(connection, 70001, "PLAYER", 8)
    update_level(connection, 70002, "PLAYER", 7)
    with refused("23503") as caught:
        connection.execute(statement.encode())
    detail = caught.value.diag.message_detail or ""
    assert "70001" in detail
    assert "70002" not in detail
    assert most(connection, "PLAYER") == 8


def test_a_level_that_somebody_has_achieved_and_left_cannot_go(connection: Connection) -> None:
    add_users(connection, 70001)
    update_level(connection, 70001, "PLAYER", 8)
    update_level(connection, 70001, "PLAYER", 2)
    with refused("23503") as caught:
        connection.execute(GO.encode())
    assert "70001" in (caught.value.diag.message_detail or "")


def test_of_many_holders_twenty_are_named_and_all_are_counted(connection: Connection) -> None:
    add_users(connection, *range(70001, 70031))
    with connection.transaction():
        for user in range(70001, 70031):
            update_level(connection, user, "PLAYER", 8)
    with refused("23503") as caught:
        connection.execute(GO.encode())
    detail = caught.value.diag.message_detail or ""
    assert "30" in detail
    assert sum(str(user) in detail for user in range(70001, 70031)) == 20


def test_a_level_that_nobody_holds_can_go(connection: Connection) -> None:
    add_users(connection, 1)
    update_level(connection, 1, "PLAYER", 7)
    connection.execute(GO.encode())
    assert most(connection, "PLAYER") == 7
    with refused("LS003"):
        update_level(connection, 1, "PLAYER", 8)
    assert level_up(connection, 1, "PLAYER", 10**9, 10**6).license_new_level == 7


def test_a_held_level_cannot_go_under_the_replica_role(connection: Connection) -> None:
    add_users(connection, 1)
    update_level(connection, 1, "PLAYER", 8)
    with refused("23001", "23503"), connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(GO.encode())
    assert levels(connection) == (8, 8)


def test_a_level_reached_while_it_is_removed_stays_or_is_refused(connection: Connection, connect: Connect) -> None:
    add_users(connection, 1, 2)
    first, second = connect(), connect()
    first.execute("begin")
    update_level(first, 1, "PLAYER", 8)
    with background(second, GO + " returning level") as removed:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("23001", "23503"):
            removed.result()
    assert levels(connection) == (8, 8)


def test_a_level_removed_while_it_is_reached_cannot_be_held(connection: Connection, connect: Connect) -> None:
    add_users(connection, 1)
    first, second = connect(), connect()
    first.execute("begin")
    first.execute(GO.encode())
    query = "select * from lockstep.level_up(1, 'PLAYER', 10000000, 1000)"
    with background(second, query) as reached:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("23503"):
            reached.result()
    assert level_up(connection, 1, "PLAYER", 10_000_000, 1000).license_new_level == 7


@pytest.mark.parametrize("table", ["specialization_levels", "specializations", "users"])
def test_truncate_of_what_the_pairs_refer_to_is_refused(connection: Connection, table: str) -> None:
    add_users(connection, 1)
    update_level(connection, 1, "PLAYER", 3)
    for how in "", " cascade":
        with refused("0A000", "LS013"):
            connection.execute(f"truncate lockstep.{table}{how}".encode())
    assert levels(connection) == (3, 3)
    assert one(connection, "select count(*) from lockstep.specialization_levels") == (19,)


def test_an_upsert_of_a_specialization_that_is_there_leaves_its_levels_alone(connection: Connection) -> None:
    connection.execute(
        "insert into lockstep.specializations (id, name) values ('PLAYER', 'x') on conflict (id) do nothing"
    )
    connection.execute(
        "insert into lockstep.specializations (id, name) values ('PLAYER', 'GanCuju Player')"
        " on conflict (id) do update set name = excluded.name"
    )
    assert value(connection, "select max_levels from lockstep.specializations where id = 'PLAYER'") == 8
