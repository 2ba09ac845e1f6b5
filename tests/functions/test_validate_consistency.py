"""validate_consistency() (B6): one row for every state."""

import pytest

from tests.pairs import Connect, Connection, call, plant, refused, update_level

pytestmark = pytest.mark.usefixtures("people")


@pytest.mark.parametrize(
    ("found", "consistent", "level", "difference", "action"),
    [
        ((5, 3), False, None, 2, "sync_to_higher_level"),
        ((3, 5), False, None, -2, "sync_to_higher_level"),
        ((4, 4), True, 4, 0, None),
        ((1, 1), True, 1, 0, None),
        ((4, None), False, None, None, "create_license_from_progress"),
        ((None, 4), False, None, None, "create_progress_from_license"),
        ((None, None), True, None, None, None),
    ],
)
def test_every_state_gives_its_row(
    connection: Connection,
    found: tuple[int | None, int | None],
    consistent: bool,
    level: int | None,
    difference: int | None,
    action: str | None,
) -> None:
    plant(connection, *found)
    answer = call(connection, "validate_consistency", 1, "PLAYER")
    assert answer.consistent is consistent
    assert (answer.progress_exists, answer.license_exists) == tuple(n is not None for n in found)
    assert (answer.progress_level, answer.license_level) == found
    assert answer.level == level
    assert answer.difference == difference
    assert answer.recommended_action == action
    assert answer.message


def test_the_columns_are_those_of_the_agreed_shape(connection: Connection) -> None:
    answer = call(connection, "validate_consistency", 1, "PLAYER")
    assert set(answer._fields) == {
        "consistent",
        "message",
        "progress_exists",
        "license_exists",
        "progress_level",
        "license_level",
        "level",
        "difference",
        "recommended_action",
    }


def test_the_message_of_a_mismatch_is_the_agreed_one(connection: Connection) -> None:
    plant(connection, 5, 3)
    answer = call(connection, "validate_consistency", 1, "PLAYER")
    assert answer.message == "Desync detected: Progress=5, License=3"


def test_it_looks_at_one_pair_only(connection: Connection) -> None:
    plant(connection, 5, 3)
    update_level(connection, 1, "COACH", 2)
    update_level(connection, 2, "PLAYER", 2)
    assert call(connection, "validate_consistency", 1, "COACH").level == 2
    assert call(connection, "validate_consistency", 2, "PLAYER").level == 2


def test_an_unknown_user_or_specialization_is_an_error(connection: Connection) -> None:
    with refused("LS001"):
        call(connection, "validate_consistency", 999, "PLAYER")
    with refused("LS002"):
        call(connection, "validate_consistency", 1, "JUGGLER")
    with refused("LS001"):
        call(connection, "validate_consistency", None, "PLAYER")


def test_it_waits_for_nobody_and_sees_both_sides_of_one_moment(connection: Connection, connect: Connect) -> None:
    update_level(connection, 1, "PLAYER", 2)
    writer, reader = connect(), connect("lockstep_app")
    reader.execute("set lock_timeout = '1ms'")
    with writer.transaction():
        update_level(writer, 1, "PLAYER", 5)
        assert call(reader, "validate_consistency", 1, "PLAYER").level == 2
    assert call(reader, "validate_consistency", 1, "PLAYER").level == 5
