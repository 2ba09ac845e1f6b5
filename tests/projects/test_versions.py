"""A project's version (F1, F2): raised by the database, named by writers, and what a stale write is told."""

import pytest

from tests.pairs import Connection, call, refused, rows, value
from tests.projects.support import FILE, conflict, count, create, file_of, read, revisions, share, update

pytestmark = pytest.mark.usefixtures("people")


def test_a_new_project_is_at_version_1_and_its_bytes_are_there(connection: Connection) -> None:
    project = create(connection)
    assert (project.version, project.user_id, project.modified_by, project.permission) == (1, 1, 1, "ADMIN")
    assert project.file_size == len(FILE)
    assert file_of(connection, 1, project.id) == FILE


def test_the_version_is_an_integer_that_is_never_null_and_begins_at_1(connection: Connection) -> None:
    column = rows(
        connection,
        "select data_type, is_nullable, column_default from information_schema.columns"
        " where table_schema = 'lockstep' and table_name = 'projects' and column_name = 'version'",
    )
    assert column == [("integer", "NO", "1")]


def test_every_update_raises_the_version_by_one_raw_sql_too(connection: Connection) -> None:
    project = create(connection)
    assert update(connection, 1, project.id, 1, title="B").version == 2
    connection.execute("update lockstep.projects set title = 'C'")
    connection.execute("update lockstep.projects set version = 77, created_at = now() - interval '1 year'")
    connection.execute("update lockstep.projects set title = title")
    now = read(connection, 1, project.id)
    assert (now.version, now.title, now.created_at) == (5, "C", project.created_at)
    assert [revision.version for revision in revisions(connection, project.id)] == [1, 2, 3, 4, 5]


def test_raw_sql_that_does_not_say_who_it_is_for_is_not_put_on_the_last_writer(connection: Connection) -> None:
    project = create(connection)
    connection.execute("update lockstep.projects set title = 'raw'")
    assert read(connection, 1, project.id).modified_by is None
    connection.execute("update lockstep.projects set title = 'for 3', modified_by = 3")
    assert [revision.changed_by for revision in revisions(connection, project.id)] == [1, None, 3]


def test_a_project_cannot_move_to_another_owner(connection: Connection) -> None:
    create(connection)
    with refused("LS058"):
        connection.execute("update lockstep.projects set user_id = 2")


def test_only_what_is_given_changes(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, description="how it works")
    update(connection, 1, project.id, 2, file=b"second", file_name="b.sb3")
    now = update(connection, 1, project.id, 3, title="Labyrinth")
    assert (now.title, now.description, now.file_name) == ("Labyrinth", "how it works", "b.sb3")
    assert file_of(connection, 1, project.id) == b"second"
    assert [revision.changed_fields for revision in revisions(connection, project.id)] == [
        ["description", "file", "title"],
        ["description"],
        ["file"],
        ["title"],
    ]


def test_nothing_given_is_refused(connection: Connection) -> None:
    project = create(connection)
    with refused("LS006"):
        update(connection, 1, project.id, 1)


@pytest.mark.parametrize("given", [{"title": ""}, {"title": "x" * 201}, {"description": "x" * 5001}, {"file_name": ""}])
def test_a_field_of_a_wrong_length_is_refused(connection: Connection, given: dict[str, object]) -> None:
    project = create(connection)
    with refused("23514"):
        update(connection, 1, project.id, 1, **given)
    assert read(connection, 1, project.id).version == 1


def test_a_stale_write_is_refused_and_told_who_changed_what(connection: Connection) -> None:
    project = create(connection)
    share(connection, project.id, "WRITE", user_id=2)
    update(connection, 2, project.id, 1, title="theirs")
    update(connection, 2, project.id, 2, file=b"theirs")
    with refused("LS052") as caught:
        update(connection, 1, project.id, 1, title="mine", description="mine")
    told = conflict(caught.value)
    assert (told["expected_version"], told["current_version"]) == (1, 3)
    assert (told["modified_by"], told["modified_by_name"]) == (2, "Student 2")
    assert told["changed_fields"] == ["file", "title"]
    assert told["colliding_fields"] == ["title"]
    assert told["mergeable"] is False
    assert [(change["version"], change["changed_by"], change["changed_fields"]) for change in told["changes"]] == [
        (2, 2, ["title"]),
        (3, 2, ["file"]),
    ]
    assert told["current"]["title"] == "theirs"
    assert read(connection, 1, project.id).version == 3


def test_a_version_that_never_was_is_stale_and_cannot_be_merged(connection: Connection) -> None:
    project = create(connection)
    for expected in (0, 2, -1):
        with refused("LS052") as caught:
            update(connection, 1, project.id, expected, title="mine", merge=True)
        told = conflict(caught.value)
        assert told["changed_fields"] is None
        assert told["mergeable"] is False


def test_deleting_and_restoring_name_the_version_too(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="B")
    with refused("LS052"):
        call(connection, "delete_project", 1, project.id, 1)
    assert call(connection, "delete_project", 1, project.id, 2).version == 3
    with refused("LS052"):
        call(connection, "restore_project", 1, project.id, 2)
    assert call(connection, "restore_project", 1, project.id, 3).version == 4


def test_without_a_version_the_last_writer_wins_and_the_revision_has_the_other(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, None, title="first")
    update(connection, 1, project.id, None, title="second")
    assert [revision.title for revision in revisions(connection, project.id)] == ["Maze", "first", "second"]


def test_by_a_setting_a_change_has_to_name_its_version(connection: Connection) -> None:
    project = create(connection)
    connection.execute("select lockstep.change_setting('require_if_match', 'on')")
    with refused("LS053"):
        update(connection, 1, project.id, None, title="B")
    with refused("LS053"):
        call(connection, "delete_project", 1, project.id)
    with refused("LS053"):
        call(connection, "restore_revision", 1, project.id, 1)
    assert update(connection, 1, project.id, 1, title="B").version == 2
    with refused("LS006"):
        connection.execute("select lockstep.change_setting('require_if_match', 'maybe')")


# Merging --------------------------------------------------------------------------------------


def test_fields_that_do_not_collide_are_merged_on_request(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="by one")
    with refused("LS052") as caught:
        update(connection, 1, project.id, 1, file=b"by the other", file_name="b.sb3")
    assert conflict(caught.value)["mergeable"] is True
    merged = update(connection, 1, project.id, 1, file=b"by the other", file_name="b.sb3", merge=True)
    assert (merged.version, merged.title, merged.file_name) == (3, "by one", "b.sb3")
    assert merged.merged_fields == ["title"]
    assert file_of(connection, 1, project.id) == b"by the other"


def test_a_collision_is_not_merged(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="by one", description="by one")
    with refused("LS052") as caught:
        update(connection, 1, project.id, 1, title="by the other", file=b"by the other", merge=True)
    assert conflict(caught.value)["colliding_fields"] == ["title"]
    assert file_of(connection, 1, project.id) == FILE
    assert count(connection, "blobs") == 1


def test_a_field_repeated_as_it_was_seen_stays_as_the_others_made_it(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="by one")
    merged = update(connection, 1, project.id, 1, title="Maze", description="by the other", merge=True)
    assert (merged.title, merged.description) == ("by one", "by the other")


def test_the_same_change_by_both_does_not_collide(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="by both")
    assert update(connection, 1, project.id, 1, title="by both", description="more", merge=True).title == "by both"


def test_what_was_changed_and_changed_back_does_not_collide(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="away")
    update(connection, 1, project.id, 2, title="Maze")
    merged = update(connection, 1, project.id, 1, title="mine", merge=True)
    assert (merged.title, merged.merged_fields) == ("mine", [])


def test_a_merge_on_the_current_version_is_a_plain_write(connection: Connection) -> None:
    project = create(connection)
    written = update(connection, 1, project.id, 1, title="mine", merge=True)
    assert (written.version, written.merged_fields) == (2, None)


def test_a_conflict_stores_no_bytes(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="B")
    with refused("LS052"):
        update(connection, 1, project.id, 1, file=b"never stored")
    assert value(connection, "select count(*) from lockstep.blobs where content = 'never stored'") == 0
