"""People over HTTP: who reads and changes whose account, route by route."""

import threading
from typing import Any

import pytest

from tests.http.conftest import Call, Connection, People
from tests.pairs import Connect
from tests.support import NEVER, wait_until

USERS = "/api/v1/users"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def ann(people: People) -> str:
    return f"{USERS}/{people['ann']}"


def ids(answer: Any) -> list[int]:
    return [item["id"] for item in answer.json["items"]]


# Reading --------------------------------------------------------------------------------------


def test_everybody_reads_who_they_are(call: Call, people: People) -> None:
    for name, role in (("ann", "student"), ("iris", "instructor"), ("admin", "admin")):
        answer = call(name, "GET", "/api/v1/me")
        assert answer.json is not None
        assert (answer.json["id"], answer.json["role"]) == (people[name], role)
    assert call("ann", "GET", "/api/v1/me").json["group_names"] == ["Red"]  # type: ignore[index]
    assert call(None, "GET", "/api/v1/me").status_code == 401


def test_a_student_reads_themselves_and_nobody_else(call: Call, ann: str, people: People) -> None:
    assert call("ann", "GET", ann).status_code == 200
    for other in (people["bob"], people["iris"], 999999):
        assert call("ann", "GET", f"{USERS}/{other}").status_code == 403
    assert call("ann", "GET", USERS).status_code == 403


def test_an_instructor_reads_and_lists_only_their_students(call: Call, people: People) -> None:
    theirs = [people[name] for name in ("iris", "ann", "bob", "dora")]
    assert ids(call("iris", "GET", USERS)) == sorted(theirs)
    assert ids(call("iris", "GET", f"{USERS}?role=student&search=A")) == [people["ann"]]
    for name in people:
        status = call("iris", "GET", f"{USERS}/{people[name]}").status_code
        assert status == (200 if people[name] in theirs else 403), name
    assert call("iris", "GET", f"{USERS}/999999").status_code == 404


def test_an_admin_lists_everybody_in_pages_with_filters(call: Call, people: People) -> None:
    found: list[int] = []
    after = ""
    while True:
        page = call("admin", "GET", f"{USERS}?limit=3{after}").json
        assert page is not None
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == sorted(people.values())
    assert ids(call("admin", "GET", f"{USERS}?role=instructor")) == sorted([people["iris"], people["joe"]])
    assert ids(call("admin", "GET", f"{USERS}?search=DORA@")) == [people["dora"]]
    assert ids(call("admin", "GET", f"{USERS}?is_active=false")) == []
    assert call("admin", "GET", f"{USERS}?group=999").status_code == 404
    for wrong in ("role=king", "is_active=perhaps", "limit=0", "after=x", "search=", "unknown=1", "group=0"):
        assert call("admin", "GET", f"{USERS}?{wrong}").status_code == 422, wrong


# Making and changing --------------------------------------------------------------------------


def test_an_admin_makes_an_account_once_a_key(call: Call, connection: Connection) -> None:
    request = {
        "json": {"email": "eve@example.org", "name": "Eve", "role": "instructor", "password": PASSWORD},
        "headers": {"Idempotency-Key": "eve"},
    }
    first = call("admin", "POST", USERS, **request)
    assert first.status_code == 201, first.json
    assert PASSWORD not in first.get_data(as_text=True)
    again = call("admin", "POST", USERS, **request)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    hashes = connection.execute("select password_hash from lockstep.credentials").fetchall()
    assert [row[0].startswith("$argon2id$") for row in hashes] == [True]
    taken = call("admin", "POST", USERS, json={"email": "EVE@example.org", "name": "Eve"})
    assert taken.json is not None
    assert (taken.status_code, taken.json["code"]) == (409, "email_taken")


def test_a_dry_run_makes_and_changes_nothing(call: Call, ann: str, connection: Connection) -> None:
    def state() -> list[Any]:
        return connection.execute("select * from lockstep.users order by id").fetchall()

    before = state()
    new = {"email": "eve@example.org", "name": "Eve"}
    assert call("admin", "POST", f"{USERS}?dry_run=true", json=new).status_code == 201
    assert call("admin", "PATCH", f"{ann}?dry_run=true", json={"name": "X"}).json["name"] == "X"  # type: ignore[index]
    assert call("admin", "POST", f"{ann}/deactivate?dry_run=true").json["is_active"] is False  # type: ignore[index]
    erased = call("admin", "POST", f"{ann}/erase?dry_run=true", json={"reason": "to see"}).json
    assert erased is not None
    assert (erased["dry_run"], erased["counts"]["group_members"]) == (True, 1)
    assert state() == before


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Eve"},
        {"email": "nobody", "name": "Eve"},
        {"email": "eve@example.org", "name": ""},
        {"email": "eve@example.org", "name": "x" * 201},
        {"email": "eve@example.org", "name": "Eve", "role": "king"},
        {"email": "eve@example.org", "name": "Eve", "password": "short"},
        {"email": "eve@example.org", "name": "Eve", "is_active": False},
        {"email": "eve@example.org", "name": "Eve", "id": 7},
        {"email": "eve@example.org", "name": "E\u0000ve"},
        {"email": "eve@example.org", "name": "E\ud800ve"},
        [],
    ],
)
def test_an_account_that_is_none_is_refused(call: Call, body: object, connection: Connection) -> None:
    answer = call("admin", "POST", USERS, json=body)
    assert answer.status_code == 422, answer.json
    assert connection.execute("select from lockstep.users where email = 'eve@example.org'").rowcount == 0


@pytest.mark.parametrize("name", ["ann", "iris"])
def test_nobody_but_an_admin_changes_an_account_not_even_their_own(
    call: Call, people: People, name: str, connection: Connection
) -> None:
    own = f"{USERS}/{people[name]}"
    for method, path, body in (
        ("PATCH", own, {"role": "admin"}),
        ("PATCH", own, {"name": "Somebody"}),
        ("POST", USERS, {"email": "x@example.org", "name": "X", "role": "admin"}),
        ("POST", f"{own}/deactivate", None),
        ("POST", f"{own}/reactivate", None),
        ("POST", f"{own}/erase", {"reason": "x"}),
        ("GET", f"{own}/export", None),
        ("POST", f"{own}/identities", {"issuer": "https://idp.example.org", "subject": "s"}),
        ("DELETE", f"{own}/identities?issuer=i&subject=s", None),
    ):
        answer = call(name, method, path, json=body) if body else call(name, method, path)
        assert answer.status_code == 403, (method, path)
    assert connection.execute("select from lockstep.users where role = 'admin'").rowcount == 1


def test_a_field_that_is_not_for_change_is_refused(call: Call, ann: str) -> None:
    for field in ({"is_active": True}, {"id": 5}, {"password": PASSWORD}, {"is_erased": False}):
        assert call("admin", "PATCH", ann, json=field).status_code == 422
    changed = call("admin", "PATCH", ann, json={"name": "Anna", "role": "instructor"}).json
    assert changed is not None
    assert (changed["name"], changed["role"], changed["email"]) == ("Anna", "instructor", "ann@example.org")
    taken = call("admin", "PATCH", ann, json={"email": "BOB@example.org"})
    assert (taken.status_code, taken.json["code"]) == (409, "email_taken")  # type: ignore[index]


def test_another_role_holds_from_the_next_request_on(call: Call, people: People) -> None:
    call("admin", "PATCH", f"{USERS}/{people['joe']}", json={"role": "admin"})
    assert call("joe", "GET", USERS).status_code == 200
    call("admin", "PATCH", f"{USERS}/{people['iris']}", json={"role": "student"})
    assert call("iris", "GET", USERS).status_code == 403


def test_two_admins_who_demote_each_other_at_once_leave_one(
    call: Call, people: People, connection: Connection, connect: Connect
) -> None:
    connection.execute("select lockstep.change_setting('lock_budget', %s)", [NEVER])
    connection.execute("update lockstep.users set role = 'admin' where id = %s", [people["joe"]])
    paths = {"admin": f"{USERS}/{people['joe']}", "joe": f"{USERS}/{people['admin']}"}
    for name in paths:
        assert call(name, "GET", "/api/v1/me").status_code == 200  # both are signed in
    answers: dict[str, int] = {}

    def demote(name: str) -> None:
        answers[name] = call(name, "PATCH", paths[name], json={"role": "student"}).status_code

    # Both wait for a third who holds the rows, so neither is done before the other has begun.
    threads = [threading.Thread(target=demote, args=[name]) for name in paths]
    holder = connect()
    with holder.transaction():
        holder.execute("select from lockstep.users where role = 'admin' for no key update")
        for thread in threads:
            thread.start()
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        wait_until(connection, lambda: connection.execute(waiting).fetchone() == (2,), "both wait")
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) in ([200, 403], [200, 409])
    assert connection.execute("select from lockstep.users where role = 'admin' and is_active").rowcount == 1


def test_the_last_admin_stays(call: Call, people: People) -> None:
    own = f"{USERS}/{people['admin']}"
    for answer in (
        call("admin", "PATCH", own, json={"role": "student"}),
        call("admin", "POST", f"{own}/deactivate"),
        call("admin", "POST", f"{own}/erase", json={"reason": "leaving"}),
    ):
        assert answer.json is not None
        assert (answer.status_code, answer.json["code"], answer.json["sqlstate"]) == (409, "last_admin", "LS041")


# Coming and going -----------------------------------------------------------------------------


def test_a_deactivation_ends_every_token_at_once_and_for_good(call: Call, ann: str) -> None:
    assert call("ann", "GET", ann).status_code == 200
    assert call("admin", "POST", f"{ann}/deactivate").json["is_active"] is False  # type: ignore[index]
    assert call("ann", "GET", ann).status_code == 401
    assert call("admin", "POST", f"{ann}/reactivate").json["is_active"] is True  # type: ignore[index]
    assert call("ann", "GET", ann).status_code == 401  # the token of before; they sign in anew
    assert call("admin", "POST", f"{USERS}/999999/deactivate").status_code == 404


def test_an_admin_exports_and_erases_somebody(call: Call, ann: str, people: People, connection: Connection) -> None:
    request = {"json": {"xp_gained": 25000, "sessions_completed": 12, "reason": "Ann was good"}}
    call("iris", "POST", f"{ann}/progress/PLAYER/xp", headers={"Idempotency-Key": "a"}, **request)
    call("ann", "GET", ann)
    exported = call("admin", "GET", f"{ann}/export").json
    assert exported is not None
    assert exported["user_id"] == people["ann"]
    tables = exported["tables"]
    assert tables["users"][0]["email"] == "ann@example.org"
    assert tables["license_progressions"][0]["advancement_reason"] == "Ann was good"
    assert tables["idempotency_keys"][0]["key"] == "a"
    erased = call("admin", "POST", f"{ann}/erase", json={"reason": "asked by letter"}).json
    assert erased is not None
    assert (erased["user_id"], erased["erased_by"]) == (people["ann"], people["admin"])
    assert call("ann", "GET", ann).status_code == 401
    assert call("iris", "GET", ann).status_code == 403
    left = call("admin", "GET", ann).json
    assert left is not None
    assert (left["name"], left["is_erased"], left["is_active"]) == ("Erased", True, False)
    assert call("admin", "GET", f"{ann}/progress/PLAYER").json["total_xp"] == 25000  # type: ignore[index]
    refused = call("admin", "PATCH", ann, json={"name": "Ann"})
    assert (refused.status_code, refused.json["code"]) == (409, "person_erased")  # type: ignore[index]
    assert call("admin", "POST", f"{ann}/progress/PLAYER/xp", json={"xp_gained": 1}).status_code == 409
    assert call("admin", "POST", f"{ann}/erase", json={}).status_code == 422


def test_an_identity_is_linked_and_taken_away(call: Call, ann: str, people: People) -> None:
    identity = {"issuer": "https://idp.example.org", "subject": "s-1"}
    for _ in range(2):
        answer = call("admin", "POST", f"{ann}/identities", json=identity)
        assert answer.status_code == 200, answer.json
        assert answer.json is not None
        assert [item["subject"] for item in answer.json["items"]] == ["s-1"]
    other = call("admin", "POST", f"{USERS}/{people['bob']}/identities", json=identity)
    assert (other.status_code, other.json["code"]) == (409, "identity_taken")  # type: ignore[index]
    for _ in range(2):
        left = call("admin", "DELETE", f"{ann}/identities", query_string=identity)
        assert (left.status_code, left.json) == (200, {"items": []})
    assert call("admin", "DELETE", f"{ann}/identities").status_code == 422
