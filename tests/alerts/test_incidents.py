"""Incidents: one open of a kind and subject, opened and closed by what holds, each with its mails."""

from typing import Any

import pytest

from tests.pairs import Connect, Connection, add_users, age, background, call, one, plant, refused, rows, value
from tests.support import wait_until_blocked

NOTE = "select lockstep.note_incident(%s, %s, %s)"
CLOSE = "select lockstep.close_incident(%s, %s)"


@pytest.fixture
def checked(connection: Connection) -> Connection:
    """A database whose last look at incidents was an hour ago, and that is told of a close at once."""
    connection.execute("select lockstep.change_setting('incident_quiet', '0')")
    age(connection, "incident_checks", "1 hour", "checked_at")
    return connection


def incidents(connection: Connection) -> list[Any]:
    return rows(connection, "select * from lockstep.incidents order by incident_id")


def mails(connection: Connection) -> list[tuple[int, str]]:
    found = rows(connection, "select incident_id, event from lockstep.incident_mails order by id")
    return [(row.incident_id, row.event) for row in found]


def age_runs(connection: Connection) -> None:
    """Make every run two minutes older, so that the next check is not the first to see it."""
    age(connection, "sync_runs", "2 minutes", "job_start", "job_end")


def open_kinds(connection: Connection) -> list[str]:
    return [row.kind for row in incidents(connection) if row.closed_at is None]


def test_noted_twice_it_is_one_incident_seen_twice_with_one_mail(connection: Connection) -> None:
    first = value(connection, NOTE, "lock_wait", "PLAYER", '{"waited": 1}')
    assert value(connection, NOTE, "lock_wait", "PLAYER", '{"waited": 2}') == first
    (incident,) = incidents(connection)
    assert (incident.times_seen, incident.cause, incident.last_cause) == (2, {"waited": 1}, {"waited": 2})
    assert (incident.severity, incident.closed_at, incident.opened_mail) == ("warning", None, "waiting")
    assert mails(connection) == [(first, "opened")]


def test_another_subject_is_another_incident(connection: Connection) -> None:
    assert value(connection, NOTE, "lock_wait", "a", "{}") != value(connection, NOTE, "lock_wait", "b", None)
    assert len(incidents(connection)) == 2


def test_of_two_who_note_it_at_once_the_second_waits_and_counts(connection: Connection, connect: Connect) -> None:
    first = connect()
    with first.transaction():
        opened = value(first, NOTE, "connections", "server", "{}")
        second = connect()
        with background(second, NOTE, "connections", "server", "{}") as noting:
            wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
            first.execute("commit")
            assert noting.result() == [(opened,)]
    (incident,) = incidents(connection)
    assert incident.times_seen == 2
    assert len(mails(connection)) == 1


def test_closed_it_is_over_with_one_mail_that_waits_until_it_was_quiet(connection: Connection) -> None:
    incident = value(connection, NOTE, "error_rate", "http", "{}")
    assert value(connection, CLOSE, "error_rate", "http")
    assert not value(connection, CLOSE, "error_rate", "http")
    (found,) = incidents(connection)
    assert (found.closed_mail, found.duration) == ("waiting", found.closed_at - found.opened_at)
    assert mails(connection) == [(incident, "opened"), (incident, "closed")]
    waits = "select try_after >= created_at + interval '15 minutes' from lockstep.incident_mails where event = 'closed'"
    assert value(connection, waits)


def test_one_that_comes_again_soon_is_the_same_and_its_end_is_not_told(connection: Connection) -> None:
    incident = value(connection, NOTE, "error_rate", "http", "{}")
    for _ in range(3):
        value(connection, CLOSE, "error_rate", "http")
        assert value(connection, NOTE, "error_rate", "http", "{}") == incident
    (found,) = incidents(connection)
    assert (found.times_reopened, found.times_seen, found.closed_at) == (3, 4, None)
    assert mails(connection) == [(incident, "opened")]


@pytest.mark.parametrize(
    "meanwhile",
    [
        "update lockstep.incident_mails set sent_at = now() where event = 'closed'",
        "update lockstep.noted_incidents set closed_at = now() - interval '16 minutes'",
    ],
    ids=["told", "long ago"],
)
def test_one_whose_end_was_told_or_is_long_ago_is_a_new_one(connection: Connection, meanwhile: str) -> None:
    value(connection, NOTE, "error_rate", "http", "{}")
    value(connection, CLOSE, "error_rate", "http")
    connection.execute(meanwhile.encode())
    value(connection, NOTE, "error_rate", "http", "{}")
    assert [row.closed_at is None for row in incidents(connection)] == [False, True]
    assert [event for _, event in mails(connection)] == ["opened", "closed", "opened"]


def test_one_whose_end_is_being_told_is_a_new_one_and_nobody_waits(connection: Connection, connect: Connect) -> None:
    value(connection, NOTE, "error_rate", "http", "{}")
    value(connection, CLOSE, "error_rate", "http")
    deliverer = connect()
    with deliverer.transaction(force_rollback=True):
        deliverer.execute("select from lockstep.incident_mails where event = 'closed' for no key update")
        connection.execute("set lock_timeout = '30s'")
        value(connection, NOTE, "error_rate", "http", "{}")
    # The end that was not told after all does not make it go on: a new one is open.
    value(connection, NOTE, "error_rate", "http", "{}")
    assert [row.times_seen for row in incidents(connection)] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "subject", "cause"), [("none", "a", "{}"), ("lock_wait", None, "{}"), ("lock_wait", "a", "1")]
)
def test_an_unknown_kind_or_a_cause_without_names_is_refused(
    connection: Connection, kind: str, subject: str | None, cause: str
) -> None:
    with refused("LS006"):
        connection.execute(NOTE, [kind, subject, cause])


def test_an_incident_of_a_transaction_that_fails_was_never_noted(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(NOTE, ["lock_wait", "a", "{}"])
    assert (incidents(connection), mails(connection)) == ([], [])


# What holds ---------------------------------------------------------------------------------------


def test_nothing_holds_where_all_is_well_and_nothing_was_installed_long_ago(checked: Connection) -> None:
    add_users(checked, 1)
    call(checked, "level_up", 1, "PLAYER", 25000, 12)
    checked.execute("call lockstep.reconcile()")
    checked.execute("call lockstep.watch()")
    assert incidents(checked) == []


def test_desync_that_a_check_finds_is_open_until_a_check_finds_none(checked: Connection) -> None:
    add_users(checked, *range(1, 3))
    plant(checked, 5, 3)
    checked.execute("call lockstep.watch()")
    checked.execute("call lockstep.watch()")
    assert sorted(open_kinds(checked)) == ["desync_found", "unhealthy"]
    assert [row.times_seen for row in incidents(checked)] == [2, 2]
    call(checked, "sync_user", 1, "PLAYER", "to_higher_level")
    age_runs(checked)
    checked.execute("call lockstep.watch()")
    assert open_kinds(checked) == []
    assert sorted(event for _, event in mails(checked)) == ["closed", "closed", "opened", "opened"]


def test_a_run_that_finds_desync_and_repairs_it_is_one_incident_over_when_all_was_read_again(
    checked: Connection,
) -> None:
    add_users(checked, 1)
    plant(checked, 5, 3)
    checked.execute("call lockstep.reconcile()")
    (incident,) = incidents(checked)
    assert (incident.kind, incident.closed_at) == ("desync_found", None)
    assert (incident.cause["run_found"], incident.cause["run_repaired"]) == (1, 1)
    age_runs(checked)
    checked.execute("call lockstep.watch()")
    assert mails(checked) == [(incident.incident_id, "opened"), (incident.incident_id, "closed")]


def test_a_run_that_repaired_before_anybody_looked_is_noted_all_the_same(checked: Connection) -> None:
    add_users(checked, 1)
    plant(checked, 5, 3)
    checked.execute("call lockstep.sync_all('to_higher_level', false)")
    checked.execute("select lockstep.check_health()")
    assert value(checked, "select status from lockstep.health") == "healthy"
    checked.execute("select lockstep.check_incidents()")
    assert open_kinds(checked) == ["desync_found"]


def test_a_failed_run_is_open_until_a_later_one_of_as_many_succeeds(checked: Connection) -> None:
    add_run = (
        "insert into lockstep.sync_runs (direction, dry_run, status, scheduled, specialization_id, job_end, message)"
        " values ('to_higher_level', false, %s, true, %s, now(), 'why')"
    )
    checked.execute(add_run, ["failed", None])
    checked.execute("select lockstep.check_incidents()")
    (incident,) = incidents(checked)
    assert (incident.kind, incident.cause["message"]) == ("run_failed", "why")
    checked.execute(add_run, ["success", "PLAYER"])
    checked.execute("select lockstep.check_incidents()")
    assert open_kinds(checked) == ["run_failed"]
    checked.execute(add_run, ["success", None])
    checked.execute("select lockstep.check_incidents()")
    assert open_kinds(checked) == []


def test_a_run_that_stands_still_counts_as_failed(checked: Connection) -> None:
    checked.execute(
        "insert into lockstep.sync_runs (direction, dry_run, status, last_batch_at)"
        " values ('to_higher_level', false, 'running', now() - interval '11 minutes')"
    )
    checked.execute("select lockstep.check_incidents()")
    assert open_kinds(checked) == ["run_failed"]


def test_a_broken_guard_is_open_until_it_is_back(checked: Connection) -> None:
    checked.execute("alter table lockstep.user_licenses disable trigger mirror_insert")
    checked.execute("select lockstep.check_incidents()")
    (incident,) = incidents(checked)
    assert (incident.kind, incident.cause["broken"], len(incident.cause["first"])) == ("guards_broken", 1, 1)
    checked.execute("alter table lockstep.user_licenses enable trigger mirror_insert")
    checked.execute("select lockstep.check_incidents()")
    assert open_kinds(checked) == []


def test_no_run_for_seven_hours_is_open_until_one_comes(checked: Connection) -> None:
    checked.execute("update lockstep.schema_migrations set applied_at_utc = applied_at_utc - interval '7 hours'")
    checked.execute("select lockstep.check_incidents()")
    assert [(row.kind, row.subject) for row in incidents(checked)] == [("no_run", "reconcile")]
    checked.execute("call lockstep.reconcile()")
    assert open_kinds(checked) == []


def test_a_health_job_that_went_silent_is_open_until_it_checks_again(checked: Connection) -> None:
    checked.execute("call lockstep.watch()")
    age(checked, "health_checks", "8 hours", "checked_at")
    checked.execute("select lockstep.check_incidents()")
    assert [(row.kind, row.subject) for row in incidents(checked)] == [("no_run", "health")]
    checked.execute("call lockstep.watch()")
    assert open_kinds(checked) == []


# What must not fail for it ------------------------------------------------------------------------


def test_where_incidents_cannot_be_checked_runs_and_checks_go_on_and_it_is_an_incident(checked: Connection) -> None:
    said: list[str | None] = []
    checked.add_notice_handler(lambda diagnostic: said.append(diagnostic.severity_nonlocalized))
    checked.execute("alter table lockstep.incident_checks rename to away")
    run = value(checked, "call lockstep.reconcile()")
    checked.execute("call lockstep.watch()")
    assert one(checked, "select status from lockstep.runs where run_id = %s", run) == ("success",)
    assert value(checked, "select count(*) from lockstep.health_checks") == 1
    assert said == ["WARNING", "WARNING"]
    (incident,) = incidents(checked)
    assert (incident.kind, incident.subject, incident.times_seen) == ("unhealthy", "incidents", 2)
    checked.execute("alter table lockstep.away rename to incident_checks")
    checked.execute("call lockstep.reconcile()")
    assert "incidents" not in {row.subject for row in incidents(checked) if row.closed_at is None}


def test_where_nothing_can_be_noted_at_all_a_run_still_ends_well(checked: Connection) -> None:
    said: list[str | None] = []
    checked.add_notice_handler(lambda diagnostic: said.append(diagnostic.severity_nonlocalized))
    checked.execute("alter table lockstep.noted_incidents rename to away")
    checked.execute("call lockstep.watch()")
    assert value(checked, "select count(*) from lockstep.health_checks") == 1
    # Incidents could not be checked, nor that be noted, nor a breach.
    assert said == ["WARNING", "WARNING", "WARNING"]


def test_who_holds_an_incident_makes_a_check_give_up_and_say_so(checked: Connection, connect: Connect) -> None:
    holder = connect()
    with holder.transaction(force_rollback=True):
        holder.execute("select from lockstep.incident_kinds where kind = 'guards_broken' for update")
        checked.execute("alter table lockstep.user_licenses disable trigger mirror_insert")
        checked.execute("call lockstep.watch()")
    assert [(row.kind, row.subject) for row in incidents(checked)] == [("unhealthy", "incidents")]
    assert incidents(checked)[0].cause["sqlstate"] == "55P03"


def test_incidents_over_for_a_year_are_purged_with_their_mails_and_those_open_or_untold_are_kept(
    connection: Connection,
) -> None:
    for subject in ("told", "set aside", "untold", "open"):
        value(connection, NOTE, "lock_wait", subject, "{}")
        connection.execute("update lockstep.incident_mails set sent_at = now()")
    for subject in ("told", "set aside"):
        value(connection, CLOSE, "lock_wait", subject)
    connection.execute("update lockstep.incident_mails set sent_at = now() where incident_id <> 2")
    connection.execute("update lockstep.incident_mails set set_aside_at = now() where sent_at is null")
    value(connection, CLOSE, "lock_wait", "untold")
    age(connection, "noted_incidents", "366 days", "opened_at", "closed_at")
    assert value(connection, "select lockstep.purge_incidents()") == 2
    assert {row.subject for row in incidents(connection)} == {"untold", "open"}
    assert len(mails(connection)) == 3
    connection.execute("update lockstep.incident_mails set sent_at = now()")
    assert value(connection, "select lockstep.purge_incidents()") == 1
    assert [row.subject for row in incidents(connection)] == ["open"]
    assert len(mails(connection)) == 1
