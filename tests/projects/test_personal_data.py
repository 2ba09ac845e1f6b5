"""Export and erasure of what people build (F8)."""

import json

import pytest

from tests.pairs import Connection, call, refused, rows, value
from tests.projects.support import count, create, file_of, revisions, share, update

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def held(connection: Connection) -> tuple[int, int, int]:
    """Projects of 1 and of 2, each changed by the other, and a copy that 2 made of the first."""
    mine = create(connection, 1, "Mine", b"only mine", "mine.sb3").id
    theirs = create(connection, 2, "Theirs", b"theirs", "theirs.sb3").id
    share(connection, mine, "WRITE", actor=1, user_id=2)
    share(connection, theirs, "WRITE", actor=2, user_id=1)
    update(connection, 2, mine, title="Mine, by 2", file=b"shared")
    update(connection, 1, theirs, title="Theirs, by 1")
    copy = call(connection, "copy_project", 2, mine).id
    call(connection, "get_or_create_asset", 1, b"a picture", "costume", "png")
    return mine, theirs, copy


def test_an_export_has_what_is_theirs_whole_and_of_others_only_what_they_did(
    connection: Connection, held: tuple[int, int, int]
) -> None:
    mine, theirs, _ = held
    found = value(connection, "select lockstep.export_projects(1)")
    assert [(one["id"], one.get("title")) for one in found["projects"]] == [(mine, "Mine, by 2"), (theirs, None)]
    assert [(one["project_id"], one["version"], one.get("title")) for one in found["project_revisions"]] == [
        (mine, 1, "Mine"),
        (mine, 2, "Mine, by 2"),
        (theirs, 2, None),
    ]
    assert {one["project_id"] for one in found["project_shares"]} == {mine, theirs}
    assert len(found["assets"]) == 1
    assert value(connection, "select lockstep.export_projects(9)") == dict.fromkeys(found)


def test_an_erasure_takes_what_is_theirs_and_nothing_of_others(
    connection: Connection, held: tuple[int, int, int]
) -> None:
    mine, theirs, copy = held
    assert value(connection, "select lockstep.erase_projects(1)") == {
        "projects": 1,
        "project_revisions": 2,
        "project_shares": 2,
        "assets": 1,
        "blobs": 1,
    }
    assert revisions(connection, mine) == []
    assert file_of(connection, 2, copy) == b"shared"
    assert [one.changed_by for one in revisions(connection, theirs)] == [2, 1]
    assert value(connection, "select created_by from lockstep.assets") is None
    assert {bytes(row.content) for row in rows(connection, "select content from lockstep.blobs")} == {
        *(b"shared", b"theirs", b"a picture")
    }
    with refused("LS050"):
        call(connection, "read_project", 1, theirs)
    left = value(connection, "select lockstep.export_projects(1)")
    assert {name for name, found in left.items() if found} == {"projects", "project_revisions"}
    assert "Theirs" not in json.dumps(left)
    assert set(value(connection, "select lockstep.erase_projects(1)").values()) == {0}
    assert count(connection, "projects") == 2
