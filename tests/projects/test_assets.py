"""Assets, and get-or-create (F4, F6): one row however many ask at once, and no number burnt for nothing."""

from functools import partial
from hashlib import md5, sha256

import pytest

from tests.pairs import Connect, Connection, at_once, background, call, refused, rows, value
from tests.projects.support import count
from tests.support import wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")

AT_ONCE = 50

# Two contents that have one MD5, as published in 2005 by Xiaoyun Wang and Hongbo Yu.
ONE = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
OTHER = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
)


def drawn(connection: Connection, table: str) -> int:
    """How many numbers of a table's sequence were drawn so far."""
    last: int = value(
        connection,
        "select coalesce(last_value, 0) from pg_sequences"
        " where format('%%I.%%I', schemaname, sequencename) = pg_get_serial_sequence(%s, 'id')",
        f"lockstep.{table}",
    )
    return last


def test_an_asset_is_named_by_the_md5_of_its_content_and_kept_by_its_sha256(connection: Connection) -> None:
    asset = call(connection, "get_or_create_asset", 1, b"a picture", "costume", "png")
    assert asset.asset_id == md5(b"a picture", usedforsecurity=False).hexdigest()
    assert asset.sha256 == sha256(b"a picture").hexdigest()
    assert asset.created
    again = call(connection, "get_or_create_asset", 2, b"a picture", "backdrop", "png")
    assert again == asset._replace(created=False)
    found = call(connection, "read_asset", 3, asset.asset_id)
    assert (found.content, found.size, found.format, found.type) == (b"a picture", 9, "png", "costume")
    assert call(connection, "read_asset", 3, asset.asset_id, asset.sha256).content is None
    assert (count(connection, "assets"), count(connection, "blobs")) == (1, 1)


def test_an_asset_that_is_not_there_is_not_found(connection: Connection) -> None:
    for asset in ("0" * 32, "x", None):
        with refused("LS060"):
            call(connection, "read_asset", 1, asset)


def test_a_second_content_with_the_same_md5_is_refused_and_not_confused(connection: Connection) -> None:
    assert md5(ONE, usedforsecurity=False).digest() == md5(OTHER, usedforsecurity=False).digest()
    first = call(connection, "get_or_create_asset", 1, ONE, "costume", "png")
    with refused("LS056"):
        call(connection, "get_or_create_asset", 1, OTHER, "costume", "png")
    assert call(connection, "read_asset", 1, first.asset_id).content == ONE
    assert count(connection, "blobs") == 1


def test_a_content_that_does_not_fit_its_hash_cannot_be_stored_nor_altered(connection: Connection) -> None:
    with refused("23514"):
        connection.execute("insert into lockstep.blobs (sha256, content) values (sha256('one'), 'other')")
    call(connection, "get_or_create_asset", 1, b"a picture", "costume", "png")
    with refused("23514"):
        connection.execute("update lockstep.blobs set content = 'another'")
    with refused("23001", "23503"):
        connection.execute("update lockstep.blobs set content = 'another', sha256 = sha256('another')")


def test_what_is_larger_than_its_limit_is_refused_at_the_byte(connection: Connection) -> None:
    for setting in ("asset_limit", "project_file_limit"):
        connection.execute("select lockstep.change_setting(%s, '10')", [setting])
    call(connection, "get_or_create_asset", 1, b"0123456789", "costume", "png")
    call(connection, "create_project", 1, "T", b"0123456789", "a.sb3")
    with refused("LS055"):
        call(connection, "get_or_create_asset", 1, b"0123456789a", "costume", "png")
    with refused("LS055"):
        call(connection, "create_project", 1, "T", b"0123456789a", "a.sb3")
    with refused("LS055"):
        call(connection, "update_project", 1, 1, None, file=b"0123456789a")


@pytest.mark.parametrize(("type", "format"), [("Cos tume", "png"), ("costume", "p/ng"), (None, "png"), ("a", None)])
def test_a_type_or_format_that_is_no_plain_word_is_refused(connection: Connection, type: str, format: str) -> None:
    with refused("23502", "23514"):
        call(connection, "get_or_create_asset", 1, b"a picture", type, format)
    assert count(connection, "blobs") == 0


def test_fifty_identical_uploads_at_once_make_one_row_and_get_one_id(connection: Connection, connect: Connect) -> None:
    sessions = [connect("lockstep_app") for _ in range(AT_ONCE)]
    answers = at_once(
        [partial(call, session, "get_or_create_asset", 1, b"a picture", "costume", "png") for session in sessions]
    )
    assert len({answer.asset_id for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert (count(connection, "assets"), count(connection, "blobs")) == (1, 1)


def test_the_second_upload_waits_for_the_first_and_finds_it(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    statement = "select * from lockstep.get_or_create_asset(2, 'a picture', 'costume', 'png')"
    for ending, created in ("rollback", True), ("commit", False):
        first.execute("begin")
        call(first, "get_or_create_asset", 1, b"a picture", "costume", "png")
        second.execute("begin")
        with background(second, statement) as late:
            wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
            first.execute(ending.encode())
            assert late.result()[0].created is created
        second.execute("rollback")


# Users and groups -----------------------------------------------------------------------------


def test_a_user_is_found_whatever_the_case_and_left_as_they_are(connection: Connection) -> None:
    made = call(connection, "get_or_create_user", "Ada@Example.org", "Ada", "instructor")
    assert (made.email, made.name, made.role) == ("Ada@Example.org", "Ada", "instructor")
    assert call(connection, "get_or_create_user", "ada@EXAMPLE.org", "Another", "admin") == made
    assert call(connection, "get_or_create_user", "student1@example.org").id == 1


@pytest.mark.parametrize("arguments", [(None,), ("a@b.c", "A", "king"), ("x" * 400,)])
def test_a_user_that_cannot_be_made_leaves_nothing(connection: Connection, arguments: tuple[object, ...]) -> None:
    with refused("23502", "23514"):
        call(connection, "get_or_create_user", *arguments)
    assert (count(connection, "users"), count(connection, "pending_names")) == (9, 0)


@pytest.mark.parametrize(
    ("function", "table", "arguments"),
    [
        ("get_or_create_user", "users", ("new@example.org", "New")),
        ("get_or_create_group", "groups", ("class 7b",)),
    ],
)
def test_fifty_at_once_make_one_row_and_draw_one_number(
    connection: Connection, connect: Connect, function: str, table: str, arguments: tuple[str, ...]
) -> None:
    before, drawn_before = count(connection, table), drawn(connection, table)
    sessions = [connect("lockstep_admin") for _ in range(AT_ONCE)]
    # One holds the door, so that all the others really stand before it together.
    holder = connect("lockstep_admin")
    holder.execute("begin")
    call(holder, function, *arguments)
    work = [partial(call, session, function, *arguments) for session in sessions]

    def open_the_door() -> None:
        wait_until_blocked(connection, sessions[-1].info.backend_pid)
        holder.execute("rollback")

    *answers, _ = at_once([*work, open_the_door])
    assert len({answer[0] for answer in answers}) == 1
    assert count(connection, table) == before + 1
    # One for the row, and the one that was rolled back.
    assert drawn(connection, table) == drawn_before + 2
    assert count(connection, "pending_names") == 0


def test_different_names_do_not_wait_for_each_other(connection: Connection, connect: Connect) -> None:
    first = connect()
    first.execute("begin")
    call(first, "get_or_create_group", "one")
    connection.execute("set lock_timeout = '1s'")
    call(connection, "get_or_create_group", "other")
    call(connection, "get_or_create_user", "one@example.org")
    first.execute("rollback")
    assert [row.name for row in rows(connection, "select name from lockstep.groups")] == ["other"]
