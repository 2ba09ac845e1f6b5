"""Locks and connections as they are now, and what was noted of waits and statements."""

from typing import Any

from flask import Blueprint, render_template

from app.http.database import database

# Rows that are shown of what was noted; the views have all.
MOST = 20


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/locks", "show_locks", show_locks)
    pages.add_url_rule("/locks/now", "watch_locks", watch_locks)


def show_locks() -> str:
    """Show who waits for whom, who holds connections, and what was noted before."""
    return render_template(
        "console/locks.html",
        **_now(),
        breaches=database().read("breaches", "-noticed_at", limit=MOST),
        statements=database().read("statement_stats", "-total_ms", limit=MOST),
    )


def watch_locks() -> str:
    """The part of that page that changes, for its script."""
    return render_template("console/locks_now.html", **_now())


def _now() -> dict[str, Any]:
    return {"tree": database().read("lock_tree"), "pools": database().read("pool_usage", "-total")}
