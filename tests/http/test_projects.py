"""Projects over HTTP (F2, F3, F5): as existing clients call them, and as careful ones do."""

import io
import random
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.http.conftest import Call, Connection, People
from tests.http.files import archive, sb3
from tests.pairs import value

FILE, OTHER = sb3(), sb3(extensions=["pen"])


def upload(file: bytes = FILE, name: str = "test.sb3", **fields: str) -> dict[str, Any]:
    return {"project_file": (io.BytesIO(file), name), **fields}


def body(answer: TestResponse, status: int = 200) -> Any:
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


@pytest.fixture
def project(call: Call, people: People) -> str:
    """The path of a project of Ann's, at version 1."""
    answer = call("ann", "POST", "/api/projects", data=upload(title="Maze"))
    assert answer.status_code == 201
    return f"/api/projects/{body(answer, 201)['id']}"


def count(connection: Connection, table: str) -> int:
    found: int = value(connection, f"select count(*) from lockstep.{table}")
    return found


def put(call: Call, path: str, etag: str | None = None, name: str = "ann", **fields: Any) -> TestResponse:
    headers = {} if etag is None else {"If-Match": etag}
    return call(name, "PUT", path, headers=headers, data=fields, content_type="multipart/form-data")


# As existing clients send it ------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_form_makes_a_project_and_another_changes_it(call: Call, people: People, slash: str) -> None:
    made = call("ann", "POST", f"/api/projects{slash}", data=upload(title="Test Project"))
    first = body(made, 201)
    assert (first["version"], first["title"], first["file_name"]) == (1, "Test Project", "test.sb3")
    assert made.headers["ETag"] == '"1"'
    path = made.headers["Location"] + slash
    changed = put(call, path, **upload(OTHER, "updated.sb3", title="Updated Project"))
    second = body(changed)
    assert (second["version"], second["title"], second["file_name"]) == (2, "Updated Project", "updated.sb3")
    assert call("ann", "GET", f"{path.rstrip('/')}/file{slash}").data == OTHER


def test_a_title_is_a_text_whatever_it_looks_like(call: Call, project: str) -> None:
    for title in ("7", "true", "null", '["a"]', "1e3"):
        assert body(put(call, project, title=title))["title"] == title


def test_a_form_without_a_file_changes_the_title_alone(call: Call, project: str) -> None:
    before = body(call("ann", "GET", project))
    after = body(call("ann", "PUT", project, data={"title": "New"}))
    assert (after["title"], after["file_sha256"]) == ("New", before["file_sha256"])


@pytest.mark.parametrize("given", [{}, {"title": ""}, {"title": "x" * 201}, {"description": "x" * 5001}])
def test_a_form_with_nothing_or_too_much_in_it_is_refused(call: Call, project: str, given: dict[str, str]) -> None:
    body(put(call, project, **given), 422)
    assert body(call("ann", "GET", project))["version"] == 1


def test_a_project_needs_a_file_and_a_title(call: Call, people: People, connection: Connection) -> None:
    for form in ({"title": "T"}, upload(), {"title": "T", "project_file": "no file"}):
        refused = body(call("ann", "POST", "/api/projects", data=form, content_type="multipart/form-data"), 422)
        assert refused["code"] == "invalid_request"
    assert body(call("ann", "POST", "/api/projects", json={"title": "T"}), 415)["code"] == "unsupported_media_type"
    assert count(connection, "projects") == 0


# Versions -------------------------------------------------------------------------------------


def test_without_if_match_the_last_writer_wins_and_is_told_so(call: Call, project: str) -> None:
    answer = put(call, project, title="New")
    assert answer.status_code == 200
    assert answer.headers["Warning"].startswith("299 ")
    assert "Warning" not in put(call, project, '"2"', title="Newer").headers


def test_by_a_setting_if_match_is_required(call: Call, project: str, connection: Connection) -> None:
    connection.execute("select lockstep.change_setting('require_if_match', 'on')")
    assert body(put(call, project, title="New"), 428)["code"] == "version_required"
    assert body(call("ann", "PATCH", project, json={"title": "New"}), 428)["sqlstate"] == "LS053"
    assert call("ann", "DELETE", project).status_code == 428
    assert body(put(call, project, '"1"', title="New"))["version"] == 2


def test_a_stale_write_is_told_what_happened(call: Call, project: str, people: People) -> None:
    body(call("ann", "POST", f"{project}/shares", json={"user_id": people["bob"], "permission": "WRITE"}))
    body(put(call, project, '"1"', "bob", title="By Bob"))
    answer = put(call, project, '"1"', title="By Ann", **upload(OTHER))
    told = body(answer, 412)
    assert told["title"] == "Project was modified by another user"
    assert (told["code"], told["error_type"], told["retry"]) == ("project_modified", "conflict", False)
    assert (told["expected_version"], told["current_version"]) == (1, 2)
    assert (told["modified_by"], told["modified_by_name"]) == (people["bob"], "Bob")
    assert (told["changed_fields"], told["colliding_fields"], told["mergeable"]) == (["title"], ["title"], False)
    assert told["current"]["title"] == "By Bob"
    assert "Bob" in told["detail"]
    assert answer.headers["ETag"] == '"2"'


def test_a_write_on_the_etag_of_the_refusal_goes_through(call: Call, project: str) -> None:
    put(call, project, '"1"', title="A")
    refused = put(call, project, '"1"', title="B")
    assert body(put(call, project, refused.headers["ETag"], title="B"))["version"] == 3


@pytest.mark.parametrize(
    ("etag", "status"),
    [
        ('"1"', 200),
        ('"0", "1"', 200),
        ('"1", "9", "abc"', 200),
        ("*", 200),
        ('"2"', 412),
        ('W/"1"', 412),
        ('"abc"', 412),
        ('"99999999999999"', 412),
        ('"-1"', 412),
        ('"2", "3"', 412),
    ],
)
def test_if_match_compares_strongly_and_takes_a_list(call: Call, project: str, etag: str, status: int) -> None:
    assert put(call, project, etag, title="New").status_code == status


def test_what_the_client_has_already_is_not_sent_again(call: Call, project: str) -> None:
    for path, etag in (
        (project, call("ann", "GET", project).headers["ETag"]),
        (f"{project}/file", call("ann", "GET", f"{project}/file").headers["ETag"]),
    ):
        answer = call("ann", "GET", path, headers={"If-None-Match": etag})
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", etag)
        assert call("ann", "GET", path, headers={"If-None-Match": '"x", ' + etag}).status_code == 304
        assert call("ann", "GET", path, headers={"If-None-Match": '"x"'}).status_code == 200
    put(call, project, title="New", **upload(OTHER))
    assert call("ann", "GET", project, headers={"If-None-Match": '"1"'}).status_code == 200
    assert call("ann", "GET", f"{project}/file", headers={"If-None-Match": etag}).status_code == 200


def test_fields_that_do_not_collide_are_merged_on_request(call: Call, project: str) -> None:
    put(call, project, '"1"', title="By one")
    assert body(put(call, project, '"1"', **upload(OTHER)), 412)["mergeable"] is True
    merged = body(put(call, f"{project}?merge=true", '"1"', **upload(OTHER)))
    assert (merged["version"], merged["title"], merged["merged_fields"]) == (3, "By one", ["title"])
    assert call("ann", "GET", f"{project}/file").data == OTHER
    patched = call("ann", "PATCH", f"{project}?merge=true", json={"title": "C"}, headers={"If-Match": '"1"'})
    assert body(patched, 412)["colliding_fields"] == ["title"]


def test_a_patch_changes_title_and_description(call: Call, project: str) -> None:
    answer = call("ann", "PATCH", project, json={"description": "How"}, headers={"If-Match": '"1"'})
    assert (body(answer)["description"], body(answer)["title"]) == ("How", "Maze")
    assert body(call("ann", "PATCH", project, json={"version": 9}), 422)["code"] == "invalid_request"


# History, deletion, copies, shares ------------------------------------------------------------


def test_every_version_can_be_read_and_brought_back(call: Call, project: str) -> None:
    put(call, project, '"1"', title="B", **upload(OTHER))
    listed = body(call("ann", "GET", f"{project}/revisions"))
    assert [(one["version"], one["action"], one["changed_fields"]) for one in listed["items"]] == [
        (2, "updated", ["file", "title"]),
        (1, "created", ["description", "file", "title"]),
    ]
    assert body(call("ann", "GET", f"{project}/revisions/1"))["title"] == "Maze"
    assert call("ann", "GET", f"{project}/revisions/1/file").data == FILE
    back = call("ann", "POST", f"{project}/restore", json={"version": 1}, headers={"If-Match": '"2"'})
    assert (body(back)["version"], body(back)["title"]) == (3, "Maze")
    assert body(call("ann", "GET", f"{project}/revisions/9"), 404)["code"] == "revision_not_found"
    first = body(call("ann", "GET", f"{project}/revisions?limit=2"))
    rest = body(call("ann", "GET", f"{project}/revisions?limit=2&after={first['next']}"))
    assert [one["version"] for one in first["items"] + rest["items"]] == [3, 2, 1]


def test_the_file_names_the_version_that_it_is_of(call: Call, project: str) -> None:
    put(call, project, '"1"', **upload(OTHER))
    answer = call("ann", "GET", f"{project}/file")
    assert answer.headers["Content-Location"] == f"{project}/revisions/2/file"
    assert call("ann", "GET", answer.headers["Content-Location"]).data == OTHER


def test_a_deleted_project_is_gone_and_comes_back(call: Call, project: str) -> None:
    assert call("ann", "DELETE", project, headers={"If-Match": '"9"'}).status_code == 412
    answer = call("ann", "DELETE", project, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (204, '"2"')
    assert body(call("ann", "GET", project), 404)["code"] == "project_not_found"
    assert body(call("ann", "GET", "/api/projects"))["items"] == []
    (trashed,) = body(call("ann", "GET", "/api/projects?deleted=true"))["items"]
    assert trashed["version"] == 2
    assert body(call("ann", "POST", f"{project}/restore"))["version"] == 3
    assert call("ann", "GET", project).status_code == 200


def test_a_project_is_shared_copied_and_taken_back(call: Call, project: str, people: People) -> None:
    assert call("bob", "GET", project).status_code == 404
    shared = body(call("ann", "POST", f"{project}/shares", json={"user_id": people["bob"], "permission": "READ"}))
    assert (shared["name"], shared["permission"]) == ("Bob", "READ")
    assert body(call("bob", "GET", project))["permission"] == "READ"
    assert body(put(call, project, name="bob", title="New"), 403)["code"] == "project_permission_denied"
    copied = call("bob", "POST", f"{project}/copy", json={"title": "Mine"})
    assert (body(copied, 201)["title"], body(copied, 201)["user_id"]) == ("Mine", people["bob"])
    assert body(call("bob", "POST", f"{project}/copy/"), 201)["title"] == "Maze"
    assert call("ann", "GET", copied.headers["Location"]).status_code == 404
    assert [one["name"] for one in body(call("ann", "GET", f"{project}/shares"))["items"]] == ["Bob"]
    assert call("ann", "DELETE", f"{project}/shares/users/{people['bob']}").status_code == 204
    assert body(call("ann", "DELETE", f"{project}/shares/users/{people['bob']}"), 404)["code"] == "share_not_found"
    assert call("bob", "GET", project).status_code == 404


def test_a_group_shares_what_its_members_share(
    call: Call, project: str, people: People, connection: Connection
) -> None:
    group = value(connection, "select id from lockstep.groups where name = 'Blue'")
    request = {"group_id": group, "permission": "WRITE"}
    assert body(call("ann", "POST", f"{project}/shares", json=request), 404)["code"] == "group_not_found"
    connection.execute("insert into lockstep.group_members (user_id, group_id) values (%s, %s)", [people["ann"], group])
    assert (
        body(call("ann", "POST", f"{project}/shares", json={"group_id": group, "permission": "WRITE"}))["name"]
        == "Blue"
    )
    assert body(put(call, project, name="carl", title="By Carl"))["permission"] == "WRITE"
    assert [one["title"] for one in body(call("carl", "GET", "/api/projects"))["items"]] == ["By Carl"]
    assert call("ann", "DELETE", f"{project}/shares/groups/{group}").status_code == 204
    assert call("carl", "GET", project).status_code == 404


@pytest.mark.parametrize("share", [{}, {"user_id": 1, "group_id": 1}, {"user_id": 1, "permission": "OWN"}])
def test_a_share_that_names_nobody_or_too_many_is_refused(call: Call, project: str, share: dict[str, object]) -> None:
    body(call("ann", "POST", f"{project}/shares", json={"permission": "READ", **share}), 422)


def test_an_instructor_reads_what_their_students_build(call: Call, project: str, people: People) -> None:
    assert body(call("iris", "GET", project))["permission"] == "READ"
    assert call("joe", "GET", project).status_code == 404
    assert body(call("admin", "GET", project))["permission"] == "ADMIN"
    (listed,) = body(call("iris", "GET", f"/api/projects?user_id={people['ann']}"))["items"]
    assert listed["title"] == "Maze"


def test_a_list_comes_in_pages(call: Call, people: People) -> None:
    for number in range(3):
        call("ann", "POST", "/api/projects", data=upload(title=str(number)))
    first = body(call("ann", "GET", "/api/projects/?limit=2"))
    rest = body(call("ann", "GET", f"/api/projects?limit=2&after={first['next']}"))
    assert [one["title"] for one in first["items"] + rest["items"]] == ["2", "1", "0"]
    assert rest["next"] is None


def test_the_same_key_makes_one_project(call: Call, people: People, connection: Connection) -> None:
    first, second = (
        call("ann", "POST", "/api/projects", data=upload(title="T"), headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert body(first, 201) == body(second, 201)
    assert count(connection, "projects") == 1
    other = call("ann", "POST", "/api/projects", data=upload(OTHER, title="T"), headers={"Idempotency-Key": "k"})
    assert body(other, 409)["code"] == "idempotency_key_reused"


# Files ----------------------------------------------------------------------------------------


def test_what_is_no_project_file_is_refused_with_a_reason(call: Call, project: str, connection: Connection) -> None:
    for file in (b"", b"no zip", archive({"other.json": b"{}"}), archive({"project.json": b"{"})):
        refused = body(put(call, project, **upload(file)), 422)
        assert refused["code"] == "content_refused"
        assert refused["detail"]
        assert call("ann", "POST", "/api/projects", data=upload(file, title="T")).status_code == 422
    assert (count(connection, "projects"), count(connection, "blobs")) == (1, 1)


def test_a_file_beyond_its_limit_is_refused_by_its_size_alone(call: Call, project: str, connection: Connection) -> None:
    connection.execute("select lockstep.change_setting('project_file_limit', '1000')")
    # A little above: read, and refused by the database. Far above: not read at all.
    padded = archive({"project.json": b"{}", "noise": bytes(1)}) + bytes(2_000)
    assert body(put(call, project, **upload(padded)), 413)["code"] == "content_too_large"
    assert body(put(call, project, **upload(bytes(200_000))), 413)["code"] == "payload_too_large"
    assert body(call("ann", "GET", project))["version"] == 1


def test_a_file_may_be_larger_than_other_bodies(call: Call, project: str) -> None:
    large = archive({"project.json": b"{}", "noise": random.Random(1).randbytes(300_000)})
    assert body(put(call, project, **upload(large)))["file_size"] == len(large)
    assert call("ann", "GET", f"{project}/file").data == large


def test_the_name_of_a_file_is_kept_without_its_path(call: Call, project: str) -> None:
    for sent, kept in (
        ("../../etc/passwd", "passwd"),
        ("x" * 300, "x" * 255),
        ("Ölabyrinth.sb3", "Ölabyrinth.sb3"),
    ):
        assert body(put(call, project, **upload(name=sent)))["file_name"] == kept
        answer = call("ann", "GET", f"{project}/file")
        assert answer.headers["Content-Disposition"].startswith("attachment; filename")


def test_a_file_is_served_to_be_saved_and_runs_nothing(call: Call, project: str) -> None:
    answer = call("ann", "GET", f"{project}/file")
    assert answer.content_type == "application/x.scratch.sb3"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["", "/1", "/1/file", "/1/revisions", "/1/revisions/1", "/1/shares"])
def test_nothing_is_told_without_a_token(call: Call, project: str, path: str) -> None:
    assert call(None, "GET", f"/api/projects{path}").status_code == 401
