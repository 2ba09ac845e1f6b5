"""`flask --app app monitor`: look at connections, locks and requests, and record each threshold that is reached.

The job of every five minutes takes the same look; this one sees what passes in between. Any number may run.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click
import psycopg
from flask.cli import with_appcontext

from app import db
from app.cli import dsn, schema
from app.queue import RECONNECT_PAUSE, stopping
from app.sync import SyncError

LINE = (
    "{sampled_at:%H:%M:%S}  connections {connections} (active {active}, idle in transaction {idle_in_transaction}),"
    " waiting {waiting}, for {longest_wait}; since the last look: requests {requests}, errors {errors},"
    " conflicts {conflicts}, waits given up {lock_breaches}"
)


@click.command()
@click.option("--interval", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Look once, and end: for cron.")
@click.option("--json", "machine", is_flag=True, help="Print JSON, a line a look.")
@with_appcontext
def monitor(interval: float, once: bool, machine: bool) -> None:
    """Record connections, waits and errors, and each threshold that is reached, until SIGINT or SIGTERM."""
    where, school = dsn(), schema()
    with stopping() as stop:
        while not stop.asked:
            try:
                with db.connect(where, school) as connection:
                    while not stop.asked:
                        click.echo(_line(look(connection), machine))
                        if once:
                            return
                        stop.wait(interval)
            except psycopg.Error as error:
                if once or not isinstance(error, psycopg.OperationalError):
                    raise SyncError(str(error)) from error
                click.echo(f"the server is away: {error}", err=True)
                stop.wait(RECONNECT_PAUSE)


def look(connection: db.Connection) -> db.Row:
    """Take one look, as sample_monitoring() does; return the sample."""
    return db.call(connection, "sample_monitoring")


def _line(sample: Mapping[str, Any], machine: bool) -> str:
    return json.dumps(sample, default=_plain) if machine else LINE.format(**sample)


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime) else str(value)
