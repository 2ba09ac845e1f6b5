"""Progress over HTTP: who reads and changes what, in the published shapes."""

import pytest

from tests.http.conftest import Call, Connection, People


@pytest.fixture
def ann(people: People) -> str:
    return f"/api/v1/users/{people['ann']}/progress"


def test_an_award_raises_both_records_and_answers_the_published_shape(call: Call, ann: str) -> None:
    answer = call("iris", "POST", f"{ann}/PLAYER/xp", json={"xp_gained": 25000, "sessions_completed": 12})
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["success"] is True
    assert answer.json["progress"]["new_level"] == answer.json["license"]["new_level"] == 2
    assert answer.json["progression_created"] is True


def test_a_student_reads_their_own_progress_and_nobody_elses(call: Call, ann: str) -> None:
    call("iris", "POST", f"{ann}/PLAYER/xp", json={"xp_gained": 100})
    assert call("ann", "GET", f"{ann}/PLAYER").status_code == 200
    assert call("bob", "GET", f"{ann}/PLAYER").status_code == 403
    assert call("ann", "GET", "/api/v1/users/999999/progress").status_code == 403
    assert call("iris", "GET", "/api/v1/users/999999/progress").status_code == 404
    assert call(None, "GET", f"{ann}/PLAYER").status_code == 401


def test_a_dry_run_answers_what_would_happen_and_changes_nothing(call: Call, ann: str) -> None:
    path = f"{ann}/PLAYER"
    shown = call("iris", "PUT", f"{path}/level?dry_run=true", json={"new_level": 3})
    assert shown.status_code == 200, shown.json
    assert shown.json is not None
    assert shown.json["dry_run"] is True
    assert shown.json["license"]["new_level"] == 3
    assert call("iris", "GET", path).status_code == 404


def test_the_same_key_gets_the_first_answer_and_changes_nothing_more(call: Call, ann: str) -> None:
    request = {"json": {"xp_gained": 100}, "headers": {"Idempotency-Key": "abc"}}
    first = call("iris", "POST", f"{ann}/PLAYER/xp", **request)
    second = call("iris", "POST", f"{ann}/PLAYER/xp", **request)
    assert first.json is not None
    assert second.json == first.json | {"replayed": True}
    other = call("iris", "POST", f"{ann}/PLAYER/xp", json={"xp_gained": 5}, headers={"Idempotency-Key": "abc"})
    assert other.status_code == 409
    assert other.json is not None
    assert other.json["code"] == "idempotency_key_reused"


def test_history_comes_in_pages_newest_first(call: Call, ann: str, connection: Connection) -> None:
    for level in (2, 3, 4):
        assert call("iris", "PUT", f"{ann}/PLAYER/level", json={"new_level": level}).status_code == 200
    first = call("ann", "GET", f"{ann}/PLAYER/history?limit=2").json
    assert first is not None
    assert [entry["to_level"] for entry in first["items"]] == [4, 3]
    second = call("ann", "GET", f"{ann}/PLAYER/history?limit=2&after={first['next']}").json
    assert second is not None
    assert [entry["to_level"] for entry in second["items"]] == [2]
    assert second["next"] is None


def test_a_refused_call_answers_a_problem_document(call: Call, ann: str) -> None:
    answer = call("iris", "PUT", f"{ann}/PLAYER/level", json={"new_level": 9})
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert (answer.json["code"], answer.json["sqlstate"], answer.json["retry"]) == ("level_not_found", "LS003", False)
    unknown = call("iris", "PUT", f"{ann}/PLAYER/level", json={"new_level": 2, "role": "admin"})
    assert unknown.status_code == 422
    assert unknown.json is not None
    assert unknown.json["errors"] == [{"field": "role", "message": "Extra inputs are not permitted"}]


def test_a_deactivated_persons_token_ends_at_once(call: Call, ann: str, people: People, connection: Connection) -> None:
    call("iris", "POST", f"{ann}/PLAYER/xp", json={"xp_gained": 100})
    connection.execute("update lockstep.users set is_active = false where id = %s", [people["ann"]])
    assert call("ann", "GET", ann).status_code == 401


def test_the_catalogue_lists_every_level(call: Call) -> None:
    answer = call("ann", "GET", "/api/v1/specializations").json
    assert answer is not None
    assert {item["id"]: len(item["levels"]) for item in answer["items"]} == {"PLAYER": 8, "COACH": 8, "INTERNSHIP": 3}


def test_desync_is_listed_and_repaired_by_the_students_instructor(
    call: Call, people: People, connection: Connection
) -> None:
    for name in ("ann", "carl"):
        connection.execute("select lockstep.update_level(%s, 'PLAYER', 2)", [people[name]])
        with connection.transaction():
            connection.execute("set local session_replication_role = replica")
            connection.execute("alter table lockstep.specialization_progress disable trigger all")
            connection.execute(
                "update lockstep.specialization_progress set current_level = 5 where student_id = %s", [people[name]]
            )
            connection.execute("alter table lockstep.specialization_progress enable trigger all")
    listed = call("iris", "GET", "/api/v1/licenses/admin/sync/desync-issues").json
    assert listed is not None
    assert [issue["user_id"] for issue in listed["items"]] == [people["ann"]]
    whole = call("admin", "GET", "/api/v1/licenses/admin/sync/desync-issues?specialization=PLAYER&limit=1").json
    assert whole is not None
    assert whole["next"] is not None
    request = {"specialization": "PLAYER", "direction": "progress_to_license"}
    path = "/api/v1/licenses/admin/sync/user"
    assert call("iris", "POST", f"{path}/{people['carl']}", json=request).status_code == 403
    done = call("iris", "POST", f"{path}/{people['ann']}", json=request).json
    assert done is not None
    assert (done["action"], done["new_level"], done["synced"]) == ("updated", 5, True)
    every = call("joe", "POST", f"{path}/{people['carl']}/all", json={"direction": "to_higher_level"}).json
    assert every is not None
    assert [result["action"] for result in every["results"]] == ["updated"]
    assert call("admin", "POST", f"{path}/999999", json=request).status_code == 404
