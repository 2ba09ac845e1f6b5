"""The commands of the queue: `flask --app app queue …`.

`work` is a worker: it drains, then sleeps until a NOTIFY or the next poll. Any number of them may
run; each is one connection. Killed at any moment it loses nothing: a drain is one transaction.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import psycopg

from app import db
from app.cli import STOPPING, connect, dsn, schema
from app.errors import find
from app.sync import IN_STEP, SyncCommands, SyncError, as_json, rows, show

STATUS = "select * from lockstep.queue_status"
SET_ASIDE = "select * from lockstep.queue_set_aside order by set_aside_at, entry_id limit %(limit)s"
OWNER = "select user_id, entry_id from lockstep.queue_set_aside where entry_id = %(entry)s"
ALL = "select user_id, entry_id from lockstep.queue_set_aside order by entry_id"
LISTEN = "listen lockstep_queue"

# Seconds without a server until a worker looks again.
RECONNECT_PAUSE = 1.0

queue = SyncCommands("queue", help="The queue of level-ups: work, drain, status, requeue, discard.")

poll_option = click.option("--poll", type=click.FloatRange(min=0.01), default=1.0, show_default=True, help="Seconds.")
entry_argument = click.argument("entry", type=int)


class Stop:
    """Set by a signal; wakes whoever waits for it together with other things."""

    def __init__(self) -> None:
        self.asked = False
        self.reader, self.writer = os.pipe()

    def ask(self, *_: object) -> None:
        """Ask to stop; a signal handler."""
        if not self.asked:
            self.asked = True
            os.write(self.writer, b"!")

    def wait(self, seconds: float, *others: Any) -> None:
        """Wait so long at most, and no longer than until one of the others is readable."""
        select.select([self.reader, *others], [], [], seconds)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Turn SIGINT, SIGTERM and SIGHUP into Stop while the block runs."""
    stop = Stop()
    before = {number: signal.signal(number, stop.ask) for number in STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(stop.reader)
        os.close(stop.writer)


@queue.command()
@poll_option
@click.option("--listen/--no-listen", default=True, help="Wake up at a NOTIFY; behind PgBouncer polling is left.")
def work(poll: float, listen: bool) -> None:
    """Drain as entries come, until SIGINT or SIGTERM: then after the batch at hand."""
    where, school = dsn(), schema()
    applied = 0
    with stopping() as stop:
        while not stop.asked:
            try:
                with db.connect(where, school) as connection:
                    if listen:
                        connection.execute(LISTEN)
                    click.echo("working", err=True)
                    for done in drains(connection, stop, poll):
                        applied += done
            except psycopg.OperationalError as error:
                # Nothing that was not committed counts: whoever comes next does it.
                click.echo(f"the server is away: {error}", err=True)
                stop.wait(RECONNECT_PAUSE)
    click.echo(f"stopped: {applied} applied")


def drains(connection: db.Connection, stop: Stop, poll: float) -> Iterator[int]:
    """Drain, and wait when nothing is left, until told to stop; yield how many were applied each time."""
    while not stop.asked:
        result = drain_once(connection)
        yield result["applied"]
        if result["applied"] + result["refused"] == 0 and not list(connection.notifies(timeout=0)):
            # What came during the drain was read with its answer, and would wake nobody here.
            stop.wait(poll, connection)


def drain_once(connection: db.Connection) -> db.Row:
    """Drain one batch, and record who was waited for too long; return what it did.

    A conflict that passes (40001, 40P01, 55P03) counts as nothing done.
    """
    try:
        result = db.call(connection, "drain_level_ups")
    except psycopg.Error as error:
        if connection.closed or not find(error.sqlstate or "").retry:
            raise
        return {"claimed": 0, "applied": 0, "refused": 0, "set_aside": 0, "busy": 0}
    if result["breach_user_id"] is not None:
        db.call(
            connection,
            "note_lock_breach",
            user_id=result["breach_user_id"],
            specialization_id=result["breach_specialization_id"],
            source="queue",
            waited=result["breach_waited"],
        )
    return result


@queue.command()
@as_json
def drain(machine: bool) -> None:
    """Apply what can be applied now, and show how the queue stands; for cron."""
    started = time.monotonic()
    applied = refused = 0
    with connect() as connection:
        while True:
            result = drain_once(connection)
            applied, refused = applied + result["applied"], refused + result["refused"]
            if result["applied"] + result["refused"] == 0:
                break
    click.echo(f"{applied} applied, {refused} refused, in {time.monotonic() - started:.1f} s", err=True)
    show(rows(STATUS), machine, "")


@queue.command()
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Of entries set aside.")
@as_json
def status(limit: int, machine: bool) -> None:
    """Show backlog and age, and what was set aside; fail if anything was."""
    (state,) = rows(STATUS)
    aside = rows(SET_ASIDE, limit=limit)
    show([state | {"entries_set_aside": aside}] if machine else [state], machine, "")
    if aside and not machine:
        click.echo()
        names = ("entry_id", "user_id", "specialization_id", "error_code", "error", "set_aside_at")
        show([{name: entry[name] for name in names} for entry in aside], machine, "")
    sys.exit(1 if aside else IN_STEP)


@queue.command()
@click.argument("entry", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Every entry that is set aside.")
def requeue(entry: int | None, everything: bool) -> None:
    """Give an entry that was set aside three more tries, in its old place."""
    if everything == (entry is not None):
        raise click.UsageError("name an entry, or --all")
    with connect() as connection:
        for found in rows(ALL) if everything else _find(entry):
            db.call(connection, "requeue_level_up", user_id=found["user_id"], entry_id=found["entry_id"])
            click.echo(f"requeued: {found['entry_id']}")


@queue.command()
@entry_argument
def discard(entry: int) -> None:
    """Throw an entry away that was set aside; print it whole, because nothing else keeps it."""
    with connect() as connection:
        for found in _find(entry):
            gone = db.call(connection, "discard_level_up", user_id=found["user_id"], entry_id=found["entry_id"])
            show([gone], True, "")


def _find(entry: int | None) -> list[db.Row]:
    found = rows(OWNER, entry=entry)
    if not found:
        raise SyncError(f"entry {entry} is not set aside")
    return found
