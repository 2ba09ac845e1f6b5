"""The first page: whether all is well, and what asks for somebody."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template

from app.console import charts, incidents
from app.http.database import database

# Hours between two scheduled runs: the schedule is every six hours, on the hour, in UTC.
EVERY = 6


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.add_url_rule("", "overview", overview, strict_slashes=False)


def overview() -> str:
    """Show how it stands."""
    history = database().read("health_history", "hour")
    (queue,) = database().read("queue_status", "backlog")
    return render_template(
        "console/overview.html",
        health=database().call("read_health"),
        history=history,
        chart=charts.rate_over_time([(row["hour"], float(row["lowest_rate"])) for row in history]),
        runs=database().rows("list_runs", limit=5),
        queue=queue,
        open=[incident for incident in incidents.read() if incident["closed_at"] is None],
        next_run=next_slot(datetime.now(UTC)),
    )


def next_slot(now: datetime) -> datetime:
    """When the next scheduled run is due."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour + timedelta(hours=EVERY - hour.hour % EVERY)
