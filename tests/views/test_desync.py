"""The desync view and find_desync() (D1, D2): every planted kind once, nothing else."""

from random import Random

import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    call,
    plant,
    refused,
    rows,
    update_level,
    value,
)

COLUMNS = (
    "user_id",
    "user_email",
    "specialization",
    "progress_level",
    "license_level",
    "difference",
    "issue_type",
    "recommended_action",
)


def found(connection: Connection) -> list[object]:
    return rows(connection, "select * from lockstep.desync order by user_id, specialization")


def test_the_columns_are_those_of_the_agreed_shape(connection: Connection) -> None:
    assert [
        row.attname
        for row in rows(
            connection,
            "select attname from pg_attribute where attrelid = 'lockstep.desync'::regclass"
            " and attnum > 0 order by attnum",
        )
    ] == list(COLUMNS)


def test_every_planted_kind_is_found_once(connection: Connection) -> None:
    add_users(connection, *range(1, 7))
    plant(connection, 5, 3, user=1)
    plant(connection, 3, 5, user=2, specialization="COACH")
    plant(connection, 2, None, user=3)
    plant(connection, None, 3, user=4, specialization="INTERNSHIP")
    plant(connection, 1, None, user=5)
    update_level(connection, 6, "PLAYER", 4)
    plant(connection, 4, 4, user=6, specialization="COACH")
    higher = "sync_to_higher_level"
    assert found(connection) == [
        (1, "student1@example.org", "PLAYER", 5, 3, 2, "level_mismatch", higher),
        (2, "student2@example.org", "COACH", 3, 5, -2, "level_mismatch", higher),
        (
            *(3, "student3@example.org", "PLAYER", 2, None, None, "missing_license"),
            "create_license_from_progress",
        ),
        (
            *(4, "student4@example.org", "INTERNSHIP", None, 3, None, "missing_progress"),
            "create_progress_from_license",
        ),
        (
            *(5, "student5@example.org", "PLAYER", 1, None, None, "missing_license"),
            "create_license_from_progress",
        ),
    ]


def test_an_empty_database_and_a_healthy_one_have_no_desync(connection: Connection) -> None:
    assert found(connection) == []
    add_users(connection, *range(1, 9))
    for user in range(1, 9):
        update_level(connection, user, "PLAYER", user)
        update_level(connection, user, "INTERNSHIP", 1 + user % 3)
    assert found(connection) == []


def test_it_recommends_by_the_rule_of_validate_consistency(connection: Connection) -> None:
    add_users(connection, 1, 2, 3)
    plant(connection, 5, 3, user=1)
    plant(connection, 5, None, user=2)
    plant(connection, None, 3, user=3)
    for row in rows(connection, "select * from lockstep.desync"):
        answer = call(connection, "validate_consistency", row.user_id, row.specialization)
        assert answer.recommended_action == row.recommended_action
        assert answer.difference == row.difference
        assert (answer.progress_level, answer.license_level) == (
            row.progress_level,
            row.license_level,
        )


def test_a_random_school_shows_exactly_what_was_planted(connection: Connection) -> None:
    random = Random(11)
    users = range(1, 61)
    add_users(connection, *users)
    expected = set()
    for user in users:
        for specialization, most in ("PLAYER", 8), ("COACH", 8), ("INTERNSHIP", 3):
            if random.random() < 0.5:
                continue
            level = random.randint(1, most)
            if random.random() < 0.7:
                update_level(connection, user, specialization, level)
                continue
            sides = random.choice([(level, None), (None, level), (level, random.randint(1, most))])
            plant(connection, *sides, user=user, specialization=specialization)
            if sides[0] != sides[1]:
                expected.add((user, specialization, *sides))
    seen = rows(
        connection,
        "select user_id, specialization, progress_level, license_level from lockstep.desync",
    )
    assert len(seen) == len(set(seen)) == len(expected) > 15
    assert {tuple(row) for row in seen} == expected


def test_find_desync_filters_by_specialization(connection: Connection) -> None:
    add_users(connection, 1, 2)
    plant(connection, 5, 3, user=2)
    plant(connection, 5, 3, user=1)
    plant(connection, 4, 2, user=1, specialization="COACH")
    query = "select user_id, specialization from lockstep.find_desync(%s)"
    assert rows(connection, query, "PLAYER") == [(1, "PLAYER"), (2, "PLAYER")]
    assert rows(connection, query, "COACH") == [(1, "COACH")]
    assert rows(connection, query, "INTERNSHIP") == []
    everything = [(1, "COACH"), (1, "PLAYER"), (2, "PLAYER")]
    assert rows(connection, query, None) == everything
    assert rows(connection, "select user_id, specialization from lockstep.find_desync()") == everything


@pytest.mark.parametrize("specialization", ["JUGGLER", "player", ""])
def test_find_desync_of_an_unknown_specialization_is_an_error(connection: Connection, specialization: str) -> None:
    with refused("LS002"):
        rows(connection, "select * from lockstep.find_desync(%s)", specialization)


@pytest.mark.parametrize("role", ["lockstep_admin", "lockstep_readonly", "lockstep_legacy"])
def test_a_dba_reads_the_view(connection: Connection, connect: Connect, role: str) -> None:
    add_users(connection, 1)
    plant(connection, 5, 3)
    assert value(connect(role), "select count(*) from lockstep.desync") == 1


def test_an_application_calls_find_desync(connection: Connection, connect: Connect) -> None:
    add_users(connection, 1)
    plant(connection, 5, 3)
    application = connect("lockstep_app")
    assert len(rows(application, "select * from lockstep.find_desync('PLAYER')")) == 1
    with refused("42501"):
        rows(application, "select * from lockstep.desync")
