"""The commands of alerts: `flask --app app alerts …`.

Incidents and their mails are written by the database, in one transaction; what is here hands the mails
over. A delivery is a transaction that holds its mail: two deliverers never send one twice, and of one
that is killed the next takes it. Only a mail that a server took, and whose deliverer died before it
could say so, is sent again: with the same Message-ID and Date.
"""

import sys
import time
from collections import Counter
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import click
import psycopg
from flask import current_app

from app import db, mail
from app.cli import connect, dsn, schema
from app.queue import stopping
from app.schema import DEFAULT
from app.settings import MailSettings
from app.sync import IN_STEP, SyncCommands, SyncError, as_json, rows, show, warn
from app.words import counted

OPEN = """
select incident_id, kind, subject, severity, opened_at, times_seen, last_cause, opened_mail
from lockstep.incidents
where closed_at is null
order by incident_id
"""
UNSENT = """
select mail_id, incident_id, event, kind, subject, state, attempts, try_after, error
from lockstep.outbox
where state <> 'sent'
order by mail_id
"""

# Seconds between two looks at what is wrong, of a deliverer that stays: jobs that went silent tell nobody.
CHECK_INTERVAL = 300.0

# Seconds without a server until a deliverer looks again.
RECONNECT_PAUSE = 5.0

TEXT = """\
{headline}

what   {title}
       {kind}, {subject}: {severity}
where  school {school}, database {database} on {server}
since  {opened_at}
{times}
cause
{cause}

to look
  {look}
to mend
  {mend}

{closing}
"""
CLOSINGS = {
    "opened": "There is one more mail, when it is over. Until then: flask --app app alerts status",
    "late": "This mail is late: it is over, for now. There is one more mail, when it stays so.",
    "closed": "Nothing is left to do, unless you want to know why: select * from lockstep.incidents",
}

alerts = SyncCommands("alerts", help="Alerts: deliver, status, retry, test.")


@alerts.command()
@click.option("--watch", is_flag=True, help="Stay, and look every so often, until SIGINT or SIGTERM.")
@click.option("--every", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds, with --watch.")
def deliver(watch: bool, every: float) -> None:
    """Check incidents, and mail what opened or closed; fail where a mail could not be delivered."""
    settings = _settings()
    if not watch:
        with connect() as connection:
            connection.add_notice_handler(warn)
            db.call(connection, "watch_incidents")
            done = deliver_all(connection, settings, schema())
        click.echo(f"{done['sent']} sent, {done['retrying']} failed, {done['set_aside']} set aside", err=True)
        sys.exit(1 if done["retrying"] + done["set_aside"] else IN_STEP)
    where, school = dsn(), schema()
    with stopping() as stop:
        while not stop.asked:
            try:
                with db.connect(where, school) as connection:
                    connection.add_notice_handler(warn)
                    checked = -CHECK_INTERVAL
                    while not stop.asked:
                        if time.monotonic() >= checked + CHECK_INTERVAL:
                            db.call(connection, "watch_incidents")
                            checked = time.monotonic()
                        for state, count in deliver_all(connection, settings, school).items():
                            click.echo(f"{count} {state}", err=True)
                        stop.wait(every)
            except psycopg.OperationalError as error:
                click.echo(f"the server is away: {error}", err=True)
                stop.wait(RECONNECT_PAUSE)


def deliver_all(connection: db.Connection, settings: MailSettings, school: str = DEFAULT) -> Counter[str]:
    """Deliver what is due, until nothing is or the mail server does not answer; return how many mails by state."""
    states: dict[int, str] = {}
    reachable = True
    while reachable:
        with connection.transaction():
            claimed = db.call(connection, "claim_mail")
            if claimed["mail_id"] is None:
                break
            result = mail.deliver(settings, compose(connection, claimed, settings, school))
            reachable = result.reachable
            ended = db.call(
                connection, "finish_mail", mail_id=claimed["mail_id"], outcome=result.outcome, error=result.error
            )
            states[claimed["mail_id"]] = ended["finish_mail"]
        if result.error:
            click.echo(f"mail {claimed['mail_id']}: {result.outcome}: {result.error}", err=True)
    return Counter(states.values())


@alerts.command()
@as_json
def status(machine: bool) -> None:
    """Show open incidents, and mails that are not sent; fail if one is open or was set aside."""
    incidents, mails = rows(OPEN), rows(UNSENT)
    if machine:
        show([{"open": incidents, "mails": mails}], machine, "")
    else:
        _table(incidents, "no incident is open")
        click.echo()
        _table(mails, "no mail waits")
    sys.exit(1 if incidents or any(one["state"] == "set_aside" for one in mails) else IN_STEP)


@alerts.command()
def retry() -> None:
    """Give mails that were set aside as many attempts again."""
    with connect() as connection:
        click.echo(f"{db.call(connection, 'retry_mails')['retry_mails']} to be delivered again")


@alerts.command("test")
def send_test() -> None:
    """Send a mail that says that mails arrive."""
    settings = _settings()
    message = _message(settings, "[Lockstep] a test", f"test/{datetime.now(UTC)}", datetime.now(UTC))
    message.set_content("Mails of Lockstep arrive. Somebody ran: flask --app app alerts test\n")
    result = mail.deliver(settings, message)
    if result.outcome != "sent":
        raise SyncError(f"{result.outcome}: {result.error}")
    click.echo(f"sent to {', '.join(settings.recipients)}" + (f"; but {result.error}" if result.error else ""))


def compose(connection: db.Connection, claimed: db.Row, settings: MailSettings, school: str = DEFAULT) -> EmailMessage:
    """The message for a mail of the outbox; the same whenever it is asked for, but for what was seen since."""
    info = connection.info
    is_open = claimed["event"] == "opened"
    title = _line(claimed["title"])
    # A mail that comes late may tell of what is over by now; that it is over is told by one of its own.
    opened = "WAS OPEN" if claimed["closed_at"] else "OPEN"
    headline = f"{opened} {claimed['severity']}: {title}" if is_open else f"OVER: {title}"
    name = f"{info.dbname}/{school}/{claimed['incident_id']}/{claimed['event']}/{claimed['opened_at'].astimezone(UTC)}"
    message = _message(settings, f"[Lockstep {_line(info.dbname)}/{school}] {headline}", name, claimed["created_at"])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        TEXT.format(
            headline=headline,
            title=title,
            kind=claimed["kind"],
            subject=_line(claimed["subject"]),
            severity=claimed["severity"],
            school=school,
            database=info.dbname,
            server=f"{info.host}:{info.port}",
            opened_at=_time(claimed["opened_at"]),
            times=_times(claimed),
            cause=_cause(claimed["cause"] if is_open else claimed["last_cause"]),
            look=claimed["look"],
            mend=claimed["mend"],
            closing=CLOSINGS["late" if is_open and claimed["closed_at"] else claimed["event"]],
        )
    )
    return message


def _message(settings: MailSettings, subject: str, name: str, when: datetime) -> EmailMessage:
    """A message without its text. Of one name it has one Message-ID: who gets it twice can see that."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.recipients)
    message["Date"] = format_datetime(when.astimezone(UTC))
    message["Message-ID"] = f"<{uuid5(NAMESPACE_URL, f'lockstep:{name}')}@{settings.domain}>"
    return message


def _times(claimed: db.Row) -> str:
    lines = []
    if claimed["closed_at"]:
        lines.append(f"until  {_time(claimed['closed_at'])} ({_span(claimed['closed_at'] - claimed['opened_at'])})")
    seen = f"seen   {counted(claimed['times_seen'], 'time')}, last {_time(claimed['last_seen_at'])}"
    if claimed["times_reopened"]:
        seen += f"; it went and came back {counted(claimed['times_reopened'], 'time')}"
    return "\n".join([*lines, seen])


def _cause(cause: dict[str, Any]) -> str:
    """What is known, a line each, as the database wrote it."""
    lines = [f"  {_line(name)}: {_line(value)}" for name, value in cause.items() if value is not None]
    return "\n".join(lines) or "  none was given"


def _line(value: object) -> str:
    """A value on one line of sensible length, without what a terminal or a header would act on."""
    text = " ".join("".join(one if one.isprintable() else " " for one in str(value)).split())
    return text if len(text) <= 300 else text[:300] + " …"


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _span(span: Any) -> str:
    return str(span).partition(".")[0]


def _table(found: list[dict[str, Any]], nothing: str) -> None:
    # A single row would be shown as a column a line.
    show(found, False, nothing)


def _settings() -> MailSettings:
    found: MailSettings | None = current_app.extensions["lockstep"].mail
    if found is None:
        raise SyncError("LOCKSTEP_SMTP_URL is not set: no mail is sent; incidents and mails are kept")
    return found
