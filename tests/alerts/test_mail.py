"""Mails of incidents: one when it opens and one when it closes, whatever happens to mail servers and deliverers."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app import mail
from app.alerts import compose, deliver_all
from app.settings import PROJECT, MailSettings
from tests.alerts.conftest import RECIPIENTS, Mailbox, settings_for
from tests.pairs import Connect, Connection, call, one, refused, rows, value
from tests.support import DEADLINE, wait_until

pytestmark = pytest.mark.once

Alerts = Callable[..., Result]
Serve = Callable[..., int]

CLOSE = "select lockstep.close_incident('lock_wait', 'PLAYER')"


def outbox(connection: Connection) -> list[tuple[str, str, int]]:
    """Event, state and failed deliveries of every mail."""
    found = rows(connection, "select event, state, attempts from lockstep.outbox order by mail_id")
    return [(row.event, row.state, row.attempts) for row in found]


@pytest.mark.usefixtures("incident")
def test_one_mail_when_it_opens_and_one_when_it_closes(
    connection: Connection, mailbox: Mailbox, serve: Serve, alerts: Alerts
) -> None:
    port = serve()
    for _ in range(2):
        assert alerts(port, "deliver").exit_code == 0
    connection.execute(CLOSE)
    for _ in range(2):
        assert alerts(port, "deliver").exit_code == 0
    opened, closed = mailbox.messages
    assert opened["To"] == ", ".join(RECIPIENTS)
    assert "OPEN warning" in opened["Subject"]
    assert "OVER" in closed["Subject"]
    assert "seen   1 time, last" in opened.get_content()
    assert opened["Message-ID"] != closed["Message-ID"]
    text = opened.get_content()
    (kind,) = rows(connection, "select look, mend from lockstep.incident_kinds where kind = 'lock_wait'")
    assert all(part in text for part in ("waited: 250 ms", "by: 17", kind.look, kind.mend, "lock_wait, PLAYER"))
    assert outbox(connection) == [("opened", "sent", 0), ("closed", "sent", 0)]


@pytest.mark.usefixtures("incident")
def test_its_end_is_not_told_before_its_beginning_nor_before_it_was_quiet(
    connection: Connection, connect: Connect, mailbox: Mailbox, serve: Serve
) -> None:
    settings = settings_for(serve())
    connection.execute(CLOSE)
    other = connect()
    with other.transaction(force_rollback=True):
        assert call(other, "claim_mail").event == "opened"
        assert call(connection, "claim_mail").mail_id is None
    connection.execute(
        "update lockstep.incident_mails set try_after = now() + interval '1 hour' where event = 'closed'"
    )
    deliver_all(connection, settings)
    assert outbox(connection) == [("opened", "sent", 0), ("closed", "waiting", 0)]
    # It was told so late that it is no news any more, and says so.
    (late,) = mailbox.messages
    assert "WAS OPEN warning" in late["Subject"]
    assert "until" in late.get_content()


@pytest.mark.usefixtures("incident")
def test_a_mail_server_that_is_away_gets_every_mail_once_when_it_is_back(
    connection: Connection, mailbox: Mailbox, serve: Serve, nobody: int, alerts: Alerts
) -> None:
    for _ in range(3):
        assert alerts(nobody, "deliver").exit_code == 1
    assert outbox(connection) == [("opened", "retrying", 3)]
    assert value(connection, "select error is not null from lockstep.outbox")
    assert alerts(serve(), "deliver").exit_code == 0
    assert (len(mailbox.messages), outbox(connection)) == (1, [("opened", "sent", 3)])


@pytest.mark.usefixtures("incident")
def test_of_a_server_that_does_not_answer_only_one_mail_is_tried_at_a_time(connection: Connection, nobody: int) -> None:
    connection.execute("select lockstep.note_incident('lock_wait', 'COACH', '{}')")
    deliver_all(connection, settings_for(nobody))
    assert sum(attempts for _, _, attempts in outbox(connection)) == 1


@pytest.mark.usefixtures("incident")
def test_a_mail_that_fails_waits_twice_as_long_each_time_and_an_hour_at_most(connection: Connection) -> None:
    connection.execute("select lockstep.change_setting('mail_retry_pause', '1 minute')")
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        mail_id, before = one(connection, "select mail_id, clock_timestamp() from lockstep.outbox")
        call(connection, "finish_mail", mail_id, "failed", "421 not now")
        # It begins when the failure is noted: between the two looks at the clock.
        after, again = one(connection, "select clock_timestamp(), try_after from lockstep.outbox")
        assert before <= again - timedelta(minutes=minutes) <= after
    assert call(connection, "claim_mail").mail_id is None


@pytest.mark.usefixtures("incident")
def test_a_server_that_says_not_now_is_asked_again_one_that_says_never_is_not(
    connection: Connection, mailbox: Mailbox, serve: Serve, alerts: Alerts
) -> None:
    port = serve()
    mailbox.refusals = ["451 not now"]
    assert alerts(port, "deliver").exit_code == 0  # tried again in the same run, the pause being over
    assert outbox(connection) == [("opened", "sent", 1)]
    connection.execute(CLOSE)
    mailbox.refusals = ["554 never"]
    assert alerts(port, "deliver").exit_code == 1
    assert outbox(connection)[1:] == [("closed", "set_aside", 1)]
    assert one(connection, "select error from lockstep.outbox where event = 'closed'") == ("554 never",)
    assert alerts(port, "status").exit_code == 1
    assert alerts(port, "deliver").exit_code == 0
    assert alerts(None, "retry").exit_code == 0
    assert alerts(port, "deliver").exit_code == 0
    assert (len(mailbox.messages), alerts(port, "status").exit_code) == (2, 0)


@pytest.mark.parametrize(("answer", "state"), [("450 busy", "retrying"), ("550 unknown", "set_aside")])
@pytest.mark.usefixtures("incident")
def test_one_address_that_is_not_taken_keeps_the_mail_from_nobody_all_of_them_do(
    connection: Connection, mailbox: Mailbox, serve: Serve, answer: str, state: str
) -> None:
    settings = settings_for(serve())
    mailbox.unknown = {RECIPIENTS[0]: answer}
    deliver_all(connection, settings)
    assert outbox(connection) == [("opened", "sent", 0)]
    assert RECIPIENTS[0] in value(connection, "select error from lockstep.outbox")
    connection.execute(CLOSE)
    connection.execute("select lockstep.change_setting('mail_retry_pause', '1 minute')")
    mailbox.unknown = dict.fromkeys(RECIPIENTS, answer)
    deliver_all(connection, settings)
    assert outbox(connection)[1:] == [("closed", state, 1)]


@pytest.mark.usefixtures("incident")
def test_a_mail_that_fails_too_often_is_set_aside(connection: Connection) -> None:
    connection.execute("select lockstep.change_setting('mail_attempts', '3')")
    for state in ("retrying", "retrying", "set_aside"):
        claimed = call(connection, "claim_mail")
        assert call(connection, "finish_mail", claimed.mail_id, "failed", "421").finish_mail == state
    assert call(connection, "claim_mail").mail_id is None


@pytest.mark.usefixtures("incident")
def test_an_outcome_that_is_none_is_refused_and_a_mail_ends_once(connection: Connection) -> None:
    mail_id = call(connection, "claim_mail").mail_id
    with refused("LS006"):
        call(connection, "finish_mail", mail_id, "lost")
    assert call(connection, "finish_mail", mail_id, "sent").finish_mail == "sent"
    assert call(connection, "finish_mail", mail_id, "failed").finish_mail is None


@pytest.mark.usefixtures("incident")
def test_two_who_deliver_at_once_send_one_mail(
    connection: Connection, connect: Connect, mailbox: Mailbox, serve: Serve
) -> None:
    settings = settings_for(serve())
    mailbox.go.clear()
    second = connect()
    first_connection = connect()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(deliver_all, first_connection, settings)
        assert mailbox.arrived.wait(DEADLINE)
        assert deliver_all(second, settings) == {}
        mailbox.go.set()
        assert first.result() == {"sent": 1}
    assert len(mailbox.messages) == 1


def test_a_deliverer_killed_after_the_server_took_a_mail_sends_the_very_same_again(
    connection: Connection, connect: Connect, mailbox: Mailbox, serve: Serve, incident: int
) -> None:
    settings = settings_for(serve())
    dying = connect()
    dying.execute("begin")
    claimed = one(dying, "select * from lockstep.claim_mail()")._asdict()
    assert mail.deliver(settings, compose(dying, claimed, settings)).outcome == "sent"
    connection.execute("select pg_terminate_backend(%s::integer, 60000)", [dying.info.backend_pid])
    deliver_all(connection, settings)
    first, again = mailbox.messages
    assert (first["Message-ID"], first["Date"]) == (again["Message-ID"], again["Date"])
    assert outbox(connection) == [("opened", "sent", 0)]


def test_what_goes_wrong_with_mail_fails_no_run_and_no_check(
    connection: Connection, alerts: Alerts, nobody: int
) -> None:
    connection.execute("alter table lockstep.user_licenses disable trigger mirror_insert")
    connection.execute("call lockstep.reconcile()")
    assert alerts(nobody, "deliver").exit_code == 1
    connection.execute("call lockstep.reconcile()")
    connection.execute("call lockstep.watch()")
    assert [status for (status,) in rows(connection, "select status from lockstep.runs")] == ["success"] * 2
    assert outbox(connection) == [("opened", "retrying", 1)]


def test_what_no_job_tells_a_delivery_notices(
    connection: Connection, mailbox: Mailbox, serve: Serve, alerts: Alerts
) -> None:
    connection.execute("update lockstep.schema_migrations set applied_at_utc = applied_at_utc - interval '8 hours'")
    assert alerts(serve(), "deliver").exit_code == 0
    (told,) = mailbox.messages
    assert "no_run, reconcile" in told.get_content()


def test_status_shows_what_is_open_and_what_waits(connection: Connection, alerts: Alerts, incident: int) -> None:
    assert alerts(None, "status", "--json").exit_code == 1
    connection.execute(CLOSE)
    assert alerts(None, "status").exit_code == 0


def test_without_a_mail_server_a_delivery_is_an_error(connection: Connection, alerts: Alerts) -> None:
    for command in ("deliver", "test"):
        assert alerts(None, command).exit_code == 2


def test_a_test_mail_arrives_or_is_an_error(
    connection: Connection, mailbox: Mailbox, serve: Serve, alerts: Alerts
) -> None:
    port = serve()
    assert alerts(port, "test").exit_code == 0
    assert len(mailbox.messages) == 1
    mailbox.refusals = ["554 never"]
    assert alerts(port, "test").exit_code == 2


def test_what_a_cause_says_cannot_make_headers_or_lines(connection: Connection, mailbox: Mailbox, serve: Serve) -> None:
    connection.execute(
        "select lockstep.note_incident('lock_wait', E'a\\r\\nBcc: x@example.org',"
        " jsonb_build_object(E'b\\n', E'\\x1b[2Jc\\n\\nd'))"
    )
    assert deliver_all(connection, settings_for(serve())) == {"sent": 1}
    (told,) = mailbox.messages
    assert told["Bcc"] is None
    assert "  b: [2Jc d\n" in told.get_content().replace("\r", "")


# A mail server that it gave up after ten seconds may have taken the mail: that one would come twice.
PATIENT = """
from flask.cli import main
from app import mail
mail.TIMEOUT = 3600
main()
"""


def test_one_who_stays_delivers_what_comes_and_ends_when_told(
    database: str, connection: Connection, mailbox: Mailbox, serve: Serve, incident: int
) -> None:
    environment = {
        **os.environ,
        "LOCKSTEP_DSN": database,
        "LOCKSTEP_SMTP_URL": f"smtp://127.0.0.1:{serve()}?tls=off",
        "LOCKSTEP_ALERTS_FROM": "lockstep@example.org",
        "LOCKSTEP_ALERTS_TO": "a@example.org, b@example.org",
    }
    command = [sys.executable, "-c", PATIENT, "--app", "app", "alerts", "deliver", "--watch", "--every", "0.1"]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(connection, lambda: outbox(connection) == [("opened", "sent", 0)], "it is told")
        connection.execute(CLOSE)
        wait_until(connection, lambda: len(mailbox.messages) == 2, "its end is told")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
    assert [one["To"] for one in mailbox.messages] == ["a@example.org, b@example.org"] * 2


# The way to the server ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.crt"],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "a"
    made.set_content("b")
    return made


@pytest.mark.parametrize(
    ("trusted", "password", "outcome"),
    [(True, "right", "sent"), (True, "wrong", "failed"), (False, "right", "failed")],
    ids=["all is well", "wrong password", "unknown certificate"],
)
def test_it_signs_in_over_starttls_and_only_to_a_server_that_proves_who_it_is(
    mailbox: Mailbox, serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch,
    trusted: bool, password: str, outcome: str,
) -> None:  # fmt: skip
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    port = serve(tls=context, require_starttls=True, auth_required=True, auth_exclude_mechanism=["LOGIN"])
    done = mail.deliver(settings_for(port, tls="starttls", user="lockstep", password=password), message())
    assert (done.outcome, done.reachable) == (outcome, outcome == "sent")
    assert mailbox.logins == ([(b"lockstep", password.encode())] if trusted else [])
    assert (len(mailbox.messages), mailbox.was_tls) == ((1, True) if outcome == "sent" else (0, False))


def test_where_the_server_has_no_tls_nothing_is_sent_unless_that_was_said(mailbox: Mailbox, serve: Serve) -> None:
    port = serve()
    done = mail.deliver(settings_for(port, tls="starttls", user="lockstep", password="right"), message())
    assert (done.outcome, done.reachable, mailbox.messages, mailbox.logins) == ("failed", False, [], [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 587, "starttls", None, None)),
        ("smtp://u%40x:p%2Fq@mail.example.org:2525", ("mail.example.org", 2525, "starttls", "u@x", "p/q")),
        ("smtps://u:p@mail.example.org", ("mail.example.org", 465, "implicit", "u", "p")),
        ("smtp://127.0.0.1?tls=off", ("127.0.0.1", 25, "off", None, None)),
    ],
)
def test_a_server_is_named_by_a_url(url: str, expected: tuple[Any, ...]) -> None:
    ends = {"LOCKSTEP_ALERTS_FROM": "a@example.org", "LOCKSTEP_ALERTS_TO": "b@example.org c@example.org"}
    found = MailSettings.from_environment({"LOCKSTEP_SMTP_URL": url, **ends})
    assert found
    assert (found.host, found.port, found.tls, found.user, found.password) == expected
    assert found.recipients == ("b@example.org", "c@example.org")
    assert "p/q" not in repr(found)


@pytest.mark.parametrize(
    "wrong",
    [
        {"LOCKSTEP_SMTP_URL": "http://mail.example.org"},
        {"LOCKSTEP_SMTP_URL": "smtp://u:secret@mail.example.org?tls=off"},
        {"LOCKSTEP_SMTP_URL": "smtp://mail.example.org?tls=maybe"},
        {"LOCKSTEP_ALERTS_TO": ""},
        {"LOCKSTEP_ALERTS_FROM": "Lockstep"},
    ],
)
def test_settings_that_cannot_work_are_refused_without_their_password(wrong: dict[str, str]) -> None:
    good = {
        "LOCKSTEP_SMTP_URL": "smtp://mail.example.org",
        "LOCKSTEP_ALERTS_FROM": "a@example.org",
        "LOCKSTEP_ALERTS_TO": "b@example.org",
    }
    with pytest.raises(ValueError, match="LOCKSTEP_") as caught:
        MailSettings.from_environment(good | wrong)
    assert "secret" not in str(caught.value)
