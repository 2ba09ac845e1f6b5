"""Incidents: what is wrong now, and what was, with its cause and what to do about it."""

from flask import Blueprint, render_template

from app.db import Row
from app.http.database import database

# Incidents that are shown; the view has all.
MOST = 200


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.add_url_rule("/incidents", "list_incidents", list_incidents)


def list_incidents() -> str:
    """Show the open ones, then the others, newest first."""
    incidents = read()
    closed = [incident for incident in incidents if incident["closed_at"]]
    return render_template("console/incidents.html", open=incidents[: len(incidents) - len(closed)], closed=closed)


def read() -> list[Row]:
    """The incidents, those that are open first."""
    return database().read("incidents", "-closed_at", "-opened_at", limit=MOST)
