"""The commands that see and repair desync: `flask --app app sync …`.

Tables for people, `--json` for machines. Exit codes: 0 in step, 1 desync found (or items that a
run could not repair), 2 error, 3 skipped because another run was under way, 4 (`health`) overdue.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import psycopg
from psycopg.rows import dict_row
from tabulate import tabulate

from app import db, schedule
from app.cli import Commands, connect, dsn, schema
from app.settings import PROJECT

IN_STEP, DESYNC, ERROR, SKIPPED, OVERDUE = range(5)
DIRECTIONS = ("to_higher_level", "progress_to_license", "license_to_progress")
LOGS = PROJECT / "logs" / "sync_jobs"

# How long a scan waits before it looks again at a server that is busy, in seconds.
THROTTLE_PAUSE = 1.0

ISSUES = """
select user_id, user_email, specialization, progress_level, license_level, difference, issue_type,
    recommended_action
from lockstep.find_desync(%(specialization)s)
"""
RUNS = """
select run_id, kind, status, dry_run, direction, undo_of, job_start, duration_seconds, issues_found,
    synced_count, failed_count, skipped_count, message
from lockstep.runs
order by run_id desc
limit %(limit)s
"""
ITEMS = """
select user_id, specialization, progress_level, license_level, action, expected_level, outcome, detail
from lockstep.run_items
where run_id = %(run)s
order by user_id, specialization
limit 100
"""
REPORT = "select report from lockstep.run_reports where run_id = %(run)s"
HEALTH = "select * from lockstep.health"
LOAD = "select active_sessions, extract(epoch from replication_lag) as lag from lockstep.server_load"
RANGES = """
select oldest.since, count(one) filter (where one.verified_at is null or one.verified_at < oldest.since) as pending
from (select clock_timestamp() - %(hours)s * interval '1 hour') as oldest (since)
left outer join lockstep.ranges as one on true
group by oldest.since
"""


class SyncError(click.ClickException):
    """What went wrong, and the exit code for it."""

    exit_code = ERROR


class SyncCommands(Commands):
    """Commands whose exit code 1 means desync: whatever goes wrong is 2."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; see click.Group."""
        try:
            return super().invoke(context)
        except click.ClickException as error:
            raise SyncError(error.message) from error
        except (psycopg.Error, schedule.NoCronError) as error:
            raise SyncError(explain(error)) from error


sync = SyncCommands("sync", help="Desync: find, plan, apply, undo, reconcile.")

as_json = click.option("--json", "machine", is_flag=True, help="Print JSON instead of a table.")
direction_option = click.option("--direction", type=click.Choice(DIRECTIONS), default=DIRECTIONS[0], show_default=True)
specialization_option = click.option("--specialization", help="Only this specialization.")


@sync.command()
@specialization_option
@as_json
def find(specialization: str | None, machine: bool) -> None:
    """List every pair out of step."""
    issues = rows(ISSUES, specialization=specialization)
    show(issues, machine, "in step: no desync")
    sys.exit(DESYNC if issues else IN_STEP)


@sync.command()
@direction_option
@specialization_option
@click.option("--user", type=int, help="Only this user id.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many pairs.")
@as_json
def plan(direction: str, specialization: str | None, user: int | None, limit: int | None, machine: bool) -> None:
    """Write down what a repair would do, and change nothing; `apply` does just that."""
    with connect() as connection:
        run = db.call(
            connection,
            "plan_sync",
            direction=direction,
            specialization_id=specialization,
            user_id=user,
            limit=limit,
        )
    _show_run(run["id"], machine)
    sys.exit(DESYNC if run["issues_found"] else IN_STEP)


@sync.command()
@click.argument("run", type=int)
@as_json
def apply(run: int, machine: bool) -> None:
    """Apply a plan, or go on with a run that was interrupted."""
    with connect() as connection:
        db.perform(connection, "apply_sync", run_id=run)
    sys.exit(_show_run(run, machine))


@sync.command()
@click.argument("run", type=int)
@as_json
def undo(run: int, machine: bool) -> None:
    """Undo a run; the undo is a run too, and can be undone."""
    with connect() as connection:
        done = db.perform(connection, "undo_sync", run_id=run)
    sys.exit(_show_run(done["undo_run_id"], machine))


@sync.command()
@click.argument("run", type=int, required=False)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@as_json
def runs(run: int | None, limit: int, machine: bool) -> None:
    """List the newest runs, or show one with its items."""
    if run is None:
        show(rows(RUNS, limit=limit), machine, "no run yet")
    else:
        _show_run(run, machine)


@sync.command()
@click.option("--chunk", type=click.IntRange(min=1), help="User ids at a time (kept as the setting health_range).")
@click.option(
    "--max-age",
    type=click.FloatRange(min=0, max=1_000_000),
    default=6.0,
    show_default=True,
    help="Leave out what was verified in the last … hours.",
)
@click.option("--max-active", default=50, show_default=True, help="Wait while more sessions are at work.")
@click.option("--max-lag", default=10.0, show_default=True, help="Wait while a replica is … seconds behind.")
@as_json
def scan(chunk: int | None, max_age: float, max_active: int, max_lag: float, machine: bool) -> None:
    """Verify every pair by ranges of user ids; interrupted, the next call goes on where it stopped."""
    with connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        if chunk:
            db.call(connection, "change_setting", name="health_range", value=str(chunk))
        db.call(connection, "cover_users")
        # By the clock of the server, as the ranges are.
        (ranges,) = cursor.execute(RANGES, {"hours": max_age}).fetchall()
        with click.progressbar(length=ranges["pending"], label="verifying", file=sys.stderr) as bar:
            while db.call(connection, "verify_next_range", older_than=ranges["since"])["first_user_id"] is not None:
                bar.update(1)
                _wait_while_busy(cursor, max_active, max_lag)
        check = db.call(connection, "check_health")
    show([check], machine, "")
    sys.exit(DESYNC if check["total_violations"] else IN_STEP)


@sync.command()
@click.option("--log/--no-log", default=True, help="Write logs/sync_jobs/YYYYMMDD_HHMMSS_sync.log.")
@as_json
def reconcile(log: bool, machine: bool) -> None:
    """The scheduled job: repair everything, purge what is past its retention, check health."""
    started = datetime.now(UTC)
    with connect() as connection:
        connection.add_notice_handler(warn)
        run = db.perform(connection, "reconcile")["run_id"]
        # What the run did is shown and written whatever becomes of the check after it.
        code = _show_run(run, machine)
        if log:
            (report,) = rows(REPORT, run=run)
            click.echo(f"log: {_write_log(started, report['report'])}", err=True)
        db.perform(connection, "watch")
    sys.exit(code)


@sync.command()
@click.option("--check/--no-check", default=True, help="Verify now, or show what the last check found.")
@as_json
def health(check: bool, machine: bool) -> None:
    """Show how it stands; fail when it needs attention."""
    with connect() as connection:
        connection.add_notice_handler(warn)
        if check:
            db.perform(connection, "watch")
    (state,) = rows(HEALTH)
    if machine:
        click.echo(json.dumps(state, default=jsonable, indent=2))
    else:
        show([state], machine, "")
    if state["run_overdue"]:
        sys.exit(OVERDUE)
    sys.exit(DESYNC if state["requires_attention"] else IN_STEP)


@sync.command("schedule")
def install_schedule() -> None:
    """Have pg_cron reconcile every six hours, check health every five minutes, drain the queue every minute."""
    for line in schedule.install(dsn(), schema()):
        click.echo(line)


@sync.command("unschedule")
def remove_schedule() -> None:
    """Take the jobs out of pg_cron."""
    for line in schedule.remove(dsn(), schema()):
        click.echo(line)


def warn(diagnostic: psycopg.errors.Diagnostic) -> None:
    """Pass a warning of the database on to stderr."""
    if diagnostic.severity_nonlocalized == "WARNING":
        said = [diagnostic.message_primary, diagnostic.message_detail, diagnostic.message_hint]
        click.echo(f"warning: {'; '.join(filter(None, said))}", err=True)


def explain(error: Exception) -> str:
    """What the database said: message, detail and hint, without the context."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        said = [error.diag.message_primary, error.diag.message_detail, error.diag.message_hint]
        return f"{error.sqlstate} {'; '.join(filter(None, said))}"
    return str(error)


def rows(query: str, **parameters: object) -> list[dict[str, Any]]:
    """Run a query over a connection of its own; return its rows."""
    with connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def show(rows: Sequence[dict[str, Any]], machine: bool, nothing: str) -> None:
    """Print rows: as JSON, or one a line, or (a single one with many columns) a column a line."""
    if machine:
        click.echo(json.dumps(rows, default=jsonable, indent=2))
    elif not rows:
        click.echo(nothing)
    elif len(rows) == 1:
        click.echo(tabulate(rows[0].items(), tablefmt="plain", missingval="-"))
    else:
        click.echo(tabulate(rows, headers="keys", tablefmt="simple", missingval="-"))


def jsonable(value: object) -> object:
    """Figures stay figures in JSON; what else it does not know is text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def _show_run(run: int, machine: bool) -> int:
    """Print a run with its items; return the exit code that it stands for."""
    reports = rows(REPORT, run=run)
    if not reports:
        raise click.ClickException(f"there is no run {run}")
    report = reports[0]["report"]
    if machine:
        click.echo(json.dumps(report, indent=2))
    else:
        items = rows(ITEMS, run=run)
        if items:
            click.echo(tabulate(items, headers="keys", tablefmt="simple", missingval="-") + "\n")
        if report["issues_found"] > len(items):
            click.echo(f"the first {len(items)} of {report['issues_found']} items: the view run_items has all\n")
        click.echo(
            "run {run_id}: {status}{plan}, {issues_found} found, {synced_count} synced, "
            "{failed_count} failed, {skipped_count} skipped".format(
                plan=" (plan, nothing changed)" if report["dry_run"] else "", **report
            )
        )
    if report["status"] == "skipped":
        return SKIPPED
    if report["failed_count"]:
        return DESYNC
    return ERROR if report["status"] == "failed" else IN_STEP


def _wait_while_busy(cursor: Any, max_active: int, max_lag: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Let live traffic and replicas go first."""
    while True:
        load = cursor.execute(LOAD).fetchone()
        if load["active_sessions"] <= max_active and (load["lag"] or 0) <= max_lag:
            return
        pause(THROTTLE_PAUSE)


def _write_log(started: datetime, report: dict[str, Any]) -> Path:
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{started:%Y%m%d_%H%M%S}_sync.log"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return path
