"""What the pages show and do: plan, apply, undo, queue, people."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.console.conftest import Browser, Open
from tests.http.conftest import Connection, People
from tests.pairs import desyncs, levels, one, plant, rows, value

WORD = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def run_of(location: str) -> int:
    """The id of the run that an answer leads to."""
    return int(urlsplit(location).path.rpartition("/")[2])


def plan(browser: Browser, *pairs: str, **fields: str) -> int:
    """Choose pairs on the list, plan their repair, and open the plan."""
    browser.get("/admin/desync")
    answer = browser.post(
        "/admin/runs", pair=list(pairs), **{"direction": "to_higher_level", "reason": "import", **fields}
    )
    browser.follow(answer)
    return run_of(answer.headers["Location"])


def test_a_plan_is_of_the_chosen_pairs_applied_undone_and_done_again(
    browse: Open, connection: Connection, people: People
) -> None:
    ann, bob = people["ann"], people["bob"]
    plant(connection, 5, 3, ann)
    plant(connection, None, 2, bob)
    browser = browse("admin")
    run = plan(browser, f"{ann}:PLAYER")
    assert (levels(connection, ann), desyncs(connection)) == ((5, 3), 2)
    assert "bob@example.org" not in browser.last
    browser.follow(browser.post(f"/admin/runs/{run}/apply"))
    assert (levels(connection, ann), desyncs(connection)) == ((5, 5), 1)
    undo = run_of(browser.post(f"/admin/runs/{run}/undo", reason="the license was right").headers["Location"])
    assert levels(connection, ann) == (5, 5)
    browser.get(f"/admin/runs/{undo}")
    browser.follow(browser.post(f"/admin/runs/{undo}/apply"))
    assert levels(connection, ann) == (3, 3)
    again = run_of(browser.post(f"/admin/runs/{undo}/undo", reason="no, it was not").headers["Location"])
    browser.get(f"/admin/runs/{again}")
    browser.post(f"/admin/runs/{again}/apply")
    assert "lockstep_admin, lockstep-http" in browser.get(f"/admin/runs/{again}").text
    assert levels(connection, ann) == (5, 5)
    ledger = rows(
        connection, "select run_id, requested_by, applied_by, reason, undo_of from lockstep.runs order by run_id"
    )
    assert [tuple(row) for row in ledger] == [
        (run, people["admin"], people["admin"], "import", None),
        (undo, people["admin"], people["admin"], "the license was right", run),
        (again, people["admin"], people["admin"], "no, it was not", undo),
    ]


def test_a_plan_of_everything_keeps_to_the_specialization_of_the_list(
    browse: Open, connection: Connection, people: People
) -> None:
    plant(connection, 5, 3, people["ann"])
    plant(connection, 2, None, people["bob"], "COACH")
    run = plan(browse("admin"), everything="1", specialization="COACH")
    items = rows(connection, "select user_id from lockstep.run_items where run_id = %s", run)
    assert [row.user_id for row in items] == [people["bob"]]


def test_a_plan_needs_a_pair_and_a_reason(browse: Open, connection: Connection, people: People) -> None:
    plant(connection, 5, 3, people["ann"])
    browser = browse("admin")
    for fields in ({"reason": "import"}, {"pair": f"{people['ann']}:PLAYER"}, {"reason": "x", "pair": "1;drop"}):
        browser.get("/admin/desync")
        answer = browser.post("/admin/runs", direction="to_higher_level", **fields)
        assert answer.status_code == 422
    assert value(connection, "select count(*) from lockstep.runs") == 0


def test_a_form_that_is_sent_twice_is_done_once(browse: Open, connection: Connection, people: People) -> None:
    plant(connection, 5, 3, people["ann"])
    browser = browse("admin")
    browser.get("/admin/desync")
    page = browser.last
    places = set()
    for _ in range(2):
        browser.last = page
        answer = browser.post("/admin/runs", everything="1", direction="to_higher_level", reason="import")
        places.add(answer.headers["Location"])
    assert len(places) == value(connection, "select count(*) from lockstep.runs") == 1


def test_a_pair_that_changed_since_the_plan_is_skipped_and_said(
    browse: Open, connection: Connection, people: People
) -> None:
    ann = people["ann"]
    plant(connection, 5, 3, ann)
    browser = browse("admin")
    run = plan(browser, f"{ann}:PLAYER")
    plant(connection, 6, 3, ann)
    browser.get(f"/admin/runs/{run}")
    browser.follow(browser.post(f"/admin/runs/{run}/apply"))
    assert levels(connection, ann) == (6, 3)
    assert "skipped" in browser.last


def test_a_run_that_is_over_is_not_applied_again(browse: Open, connection: Connection, people: People) -> None:
    plant(connection, 5, 3, people["ann"])
    browser = browse("admin")
    run = plan(browser, everything="1")
    browser.post(f"/admin/runs/{run}/apply")
    browser.get(f"/admin/runs/{run}")
    answer = browser.post(f"/admin/runs/{run}/apply")
    assert (answer.status_code, "LS016" in answer.text or "run_is_finished" in answer.text) == (409, True)


def test_a_run_is_handed_out_as_the_document_of_the_api(browse: Open, connection: Connection, people: People) -> None:
    plant(connection, 5, 3, people["ann"])
    browser = browse("admin")
    run = plan(browser, everything="1")
    answer = browser.get(f"/admin/runs/{run}/run.json")
    document = json.loads(answer.text)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (document["run_id"], document["dry_run"], document["issues_found"]) == (run, True, 1)
    assert document["results"][0]["user_email"] == "ann@example.org"


def test_the_list_is_filtered_and_goes_on_where_a_page_ended(
    browse: Open, connection: Connection, people: People
) -> None:
    plant(connection, 5, 3, people["ann"])
    plant(connection, 2, None, people["bob"])
    plant(connection, 2, None, people["carl"], "COACH")
    browser = browse("admin")

    def shown(path: str) -> set[str]:
        text = browser.get(path).text
        return {name for name in ("ann", "bob", "carl") if f"{name}@example.org" in text}

    assert shown("/admin/desync") == {"ann", "bob", "carl"}
    assert shown("/admin/desync?issue=missing_license") == {"bob", "carl"}
    assert shown("/admin/desync?issue=missing_license&specialization=COACH") == {"carl"}
    assert shown("/admin/desync?limit=2") == {"ann", "bob"}
    following = browser.last.partition("after=")[2].partition('"')[0].partition("&")[0]
    assert shown(f"/admin/desync?limit=2&after={following}") == {"carl"}
    assert browser.get("/admin/desync?issue=else").status_code == 422
    assert browser.get("/admin/desync?after=else").status_code == 422
    assert browser.get("/admin/desync?specialization=ELSE").status_code == 404


def test_an_instructor_sees_a_repair_before_it_is_done_and_does_one_at_a_time(
    browse: Open, connection: Connection, people: People
) -> None:
    ann = people["ann"]
    plant(connection, 5, 3, ann)
    browser = browse("iris")
    asked = f"/admin/desync/repair?user_id={ann}&specialization=PLAYER&direction=license_to_progress"
    assert browser.get(asked).status_code == 200
    assert (levels(connection, ann), value(connection, "select count(*) from lockstep.runs")) == ((5, 3), 0)
    form = {"user_id": str(ann), "specialization": "PLAYER", "direction": "license_to_progress"}
    assert browser.post("/admin/desync/repair", **form).status_code == 422
    browser.get(asked)
    answer = browser.post("/admin/desync/repair", **form, reason="seen")
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"done": ["repaired"]}
    assert levels(connection, ann) == (3, 3)
    ledger = one(connection, "select requested_by, reason from lockstep.runs")
    assert tuple(ledger) == (people["iris"], "seen")


def test_what_people_wrote_is_text_on_every_page(browse: Open, connection: Connection, people: People) -> None:
    ann = people["ann"]
    connection.execute("update lockstep.users set name = %s where id = %s", [WORD, ann])
    connection.execute("select lockstep.update_level(%s, 'PLAYER', 2, p_reason => %s)", [ann, WORD])
    connection.execute("select lockstep.enqueue_level_up(%s, 'PLAYER', 1, p_reason => %s)", [ann, WORD])
    connection.execute(
        "update lockstep.queued_level_ups set set_aside_at = now(), attempts = 3, error_code = 'LS005', error = %s",
        [WORD],
    )
    plant(connection, 5, 3, people["bob"])
    browser = browse("admin")
    run = plan(browser, everything="1", reason=WORD)
    pages = [
        *(f"/admin/users/{ann}", f"/admin/users/{ann}/erase", "/admin/users", "/admin/queue"),
        *("/admin", "/admin/runs", f"/admin/runs/{run}"),
    ]
    for page in pages:
        text = browser.get(page).text
        assert "<script>alert" not in text, page
        assert "<img src=x" not in text, page
        assert "&lt;script&gt;alert(1)" in text, page
    for query in ("search", "specialization", "issue", "after", "done", "direction", "user_id"):
        for page in ("/admin/desync", "/admin/users", "/admin/sign-in", "/admin/desync/repair", "/admin/x"):
            answer = browser.client.get(page, query_string={query: WORD, "next": WORD})
            assert "<script>alert" not in answer.text, (page, query)
            assert answer.status_code < 500


def test_a_person_is_found_by_name_address_or_id(browse: Open, people: People) -> None:
    browser = browse("iris")
    assert "ann@example.org" in browser.get("/admin/users?search=ANN").text
    assert "ann@example.org" in browser.get("/admin/users?search=ann@ex").text
    assert browser.get(f"/admin/users?search={people['ann']}").headers["Location"] == f"/admin/users/{people['ann']}"
    assert browser.get("/admin/users/999999999999").status_code == 404
    assert browser.get("/admin/users/99999999999999999999999").status_code == 422


def test_a_person_s_page_explains_to_admins_why_a_pair_is_out_of_step(
    browse: Open, connection: Connection, people: People
) -> None:
    connection.execute("select lockstep.update_level(%s, 'PLAYER', 2, p_reason => 'Term assessment')", [people["ann"]])
    plant(connection, 5, 3, people["bob"])
    assert "Term assessment" in browse("iris").get(f"/admin/users/{people['ann']}").text
    admin, iris = (browse(name).get(f"/admin/users/{people['bob']}") for name in ("admin", "iris"))
    assert ("Why PLAYER" in admin.text, "Why PLAYER" in iris.text) == (True, False)
    assert "out of step" in iris.text


def test_a_person_is_exported_and_is_erased_only_where_the_address_was_typed(
    browse: Open, connection: Connection, people: People
) -> None:
    ann = people["ann"]
    connection.execute("select lockstep.update_level(%s, 'PLAYER', 2)", [ann])
    browser = browse("admin")
    document = json.loads(browser.get(f"/admin/users/{ann}/export.json").text)
    assert (document["user_id"], document["tables"]["users"][0]["email"]) == (ann, "ann@example.org")
    browser.get(f"/admin/users/{ann}/erase")
    assert value(connection, "select count(*) from lockstep.erasures") == 0
    page = browser.last
    for typed, reason in (("bob@example.org", "asked for"), ("", "asked for"), ("ann@example.org", "")):
        browser.last = page
        assert browser.post(f"/admin/users/{ann}/erase", typed=typed, reason=reason).status_code == 422
    assert value(connection, "select count(*) from lockstep.erasures") == 0
    browser.last = page
    browser.follow(browser.post(f"/admin/users/{ann}/erase", typed="ann@example.org", reason="asked for"))
    assert tuple(one(connection, "select user_id, erased_by from lockstep.erasures")) == (ann, people["admin"])
    assert "ann@example.org" not in browser.last


@pytest.mark.parametrize(("action", "left"), [("requeue", 1), ("discard", 0)])
def test_an_entry_that_was_set_aside_is_put_back_or_thrown_away(
    browse: Open, connection: Connection, people: People, action: str, left: int
) -> None:
    ann = people["ann"]
    entry = value(connection, "select lockstep.enqueue_level_up(%s, 'PLAYER', 1)", ann)
    connection.execute(
        "update lockstep.queued_level_ups set set_aside_at = now(), attempts = 3, error_code = 'LS005', error = 'no'"
    )
    browser = browse("admin")
    browser.get("/admin/queue")
    form = {"user_id": str(ann), "entry_id": str(entry)}
    if action == "discard":
        assert browser.post("/admin/queue/discard", **form).status_code == 422
        browser.get("/admin/queue")
    browser.follow(browser.post(f"/admin/queue/{action}", **form, sure="yes"))
    backlog = value(connection, "select count(*) from lockstep.queued_level_ups where set_aside_at is null")
    assert (backlog, value(connection, "select set_aside from lockstep.queue_status")) == (left, 0)
    assert browser.post(f"/admin/queue/{action}", **form, sure="yes").status_code == 404


def test_a_guard_that_was_taken_away_is_named(browse: Open, connection: Connection) -> None:
    browser = browse("admin")
    assert "Every guard is intact" in browser.get("/admin/guards").text
    connection.execute("alter table lockstep.user_licenses drop constraint fk_user_licenses_spec")
    assert "fk_user_licenses_spec" in browser.get("/admin/guards").text


def test_the_charts_show_what_their_tables_say(browse: Open, connection: Connection, people: People) -> None:
    connection.execute("select lockstep.update_level(%s, 'PLAYER', 4)", [people["ann"]])
    connection.execute("select lockstep.check_health()")
    browser = browse("admin")
    bars = browser.get("/admin/levels").text
    assert bars.count('class="rect') >= 1
    assert "<svg" in browser.get("/admin").text
    for text in (bars, browser.last):
        assert "<style" not in text
        assert "style=" not in text
        assert "<script>" not in text


def test_what_is_wrong_now_comes_before_what_was(browse: Open, connection: Connection) -> None:
    connection.execute("select lockstep.note_incident('lock_wait', 'PLAYER', '{\"longest\": \"240 ms\"}')")
    connection.execute("select lockstep.close_incident('lock_wait', 'PLAYER')")
    connection.execute("select lockstep.note_incident('connections', 'pool', '{\"in_use\": 61}')")
    browser = browse("admin")
    text = browser.get("/admin/incidents").text
    assert 0 < text.index("in use: 61") < text.index("longest: 240 ms")
    assert "in use: 61" in browser.get("/admin").text
    assert "longest: 240 ms" not in browser.last


def test_an_old_wait_stays_on_the_page_of_locks(browse: Open, connection: Connection, people: People) -> None:
    connection.execute(
        "select lockstep.record_lock_breach(%s, 'PLAYER', 'http', interval '140 ms', 1, 'psql', 'owner', 'idle', now(),"
        " 'select 1')",
        [people["ann"]],
    )
    browser = browse("admin")
    assert "140 ms" in browser.get("/admin/locks").text
    part = browser.get("/admin/locks/now").text
    assert "<html" not in part
    assert "140 ms" not in part
