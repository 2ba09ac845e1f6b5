"""Groups over HTTP: made by admins; an instructor sees those that they are in, and whom they teach there."""

import pytest

from tests.http.conftest import Call, Connection, People

GROUPS = "/api/v1/groups"


@pytest.fixture
def group(connection: Connection, people: People) -> dict[str, str]:
    """The paths of the groups, by name."""
    rows = connection.execute("select name, id from lockstep.groups").fetchall()
    return {name: f"{GROUPS}/{number}" for name, number in rows}


def test_an_admin_makes_a_group_and_who_makes_it_again_gets_the_same(call: Call, connection: Connection) -> None:
    first = call("admin", "POST", GROUPS, json={"name": "Green"})
    assert first.json is not None
    assert (first.status_code, first.json["name"], first.json["members"]) == (200, "Green", 0)
    assert call("admin", "POST", GROUPS, json={"name": "Green"}).json == first.json
    shown = call("admin", "POST", f"{GROUPS}?dry_run=true", json={"name": "Black"})
    assert shown.status_code == 200
    assert connection.execute("select from lockstep.groups where name = 'Black'").rowcount == 0
    for wrong in ({}, {"name": ""}, {"name": "x" * 201}, {"name": "G", "members": 7}):
        assert call("admin", "POST", GROUPS, json=wrong).status_code == 422


def test_an_instructor_sees_only_their_groups_and_the_students_in_them(
    call: Call, group: dict[str, str], people: People
) -> None:
    call("admin", "PUT", f"{group['Red']}/members/{people['joe']}")
    listed = call("iris", "GET", GROUPS).json
    assert listed is not None
    assert [item["name"] for item in listed["items"]] == ["Red"]
    assert call("iris", "GET", group["Red"]).json["members"] == 4  # type: ignore[index]
    members = call("iris", "GET", f"{group['Red']}/members").json
    assert members is not None
    assert [item["user_id"] for item in members["items"]] == sorted(people[name] for name in ("iris", "ann", "bob"))
    for path in (group["Blue"], f"{group['Blue']}/members", f"{GROUPS}/999"):
        assert call("iris", "GET", path).status_code == 404, path
    for path in (GROUPS, group["Red"], f"{group['Red']}/members"):
        assert call("ann", "GET", path).status_code == 403, path
        assert call("admin", "GET", path).status_code == 200, path


@pytest.mark.parametrize("name", ["ann", "iris"])
def test_nobody_but_an_admin_changes_a_group(call: Call, group: dict[str, str], people: People, name: str) -> None:
    member = f"{group['Blue']}/members/{people[name]}"
    for method, path, body in (
        ("POST", GROUPS, {"name": "Green"}),
        ("PATCH", group["Red"], {"name": "Mine"}),
        ("DELETE", group["Red"], None),
        ("PUT", member, None),
        ("DELETE", f"{group['Red']}/members/{people['bob']}", None),
    ):
        answer = call(name, method, path, json=body) if body else call(name, method, path)
        assert answer.status_code == 403, (method, path)


def test_members_come_in_pages(call: Call, group: dict[str, str], people: People) -> None:
    first = call("admin", "GET", f"{group['Red']}/members?limit=2").json
    assert first is not None
    second = call("admin", "GET", f"{group['Red']}/members?limit=2&after={first['next']}").json
    assert second is not None
    assert [item["user_id"] for item in first["items"] + second["items"]] == sorted(
        people[name] for name in ("iris", "ann", "bob")
    )
    assert second["next"] is None


def test_who_is_put_into_a_group_is_seen_by_its_instructor_at_once(
    call: Call, group: dict[str, str], people: People
) -> None:
    carl = f"/api/v1/users/{people['carl']}"
    assert call("iris", "GET", carl).status_code == 403
    for _ in range(2):
        put = call("admin", "PUT", f"{group['Red']}/members/{people['carl']}")
        assert (put.status_code, put.json["source"]) == (200, "manual")  # type: ignore[index]
    assert call("iris", "GET", carl).status_code == 200
    for _ in range(2):
        gone = call("admin", "DELETE", f"{group['Red']}/members/{people['carl']}")
        assert (gone.status_code, gone.data) == (204, b"")
    assert call("iris", "GET", carl).status_code == 403
    for path in (f"{GROUPS}/999/members/{people['carl']}", f"{group['Red']}/members/999999"):
        for method in ("PUT", "DELETE"):
            assert call("admin", method, path).status_code == 404, (method, path)


def test_a_group_is_renamed_and_deleted(call: Call, group: dict[str, str], people: People) -> None:
    assert call("admin", "PATCH", group["Red"], json={"name": "Rot"}).json["name"] == "Rot"  # type: ignore[index]
    taken = call("admin", "PATCH", group["Red"], json={"name": "Blue"})
    assert (taken.status_code, taken.json["code"]) == (409, "already_exists")  # type: ignore[index]
    assert call("admin", "DELETE", group["Red"]).status_code == 204
    assert call("admin", "DELETE", group["Red"]).status_code == 404
    assert call("admin", "GET", f"/api/v1/users/{people['ann']}").json["group_names"] == []  # type: ignore[index]
