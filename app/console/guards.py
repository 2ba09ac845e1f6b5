"""Guards: every rule of the database as it was installed, against what is found."""

from collections import Counter

from flask import Blueprint, render_template

from app.http.database import database


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.add_url_rule("/guards", "list_guards", list_guards)


def list_guards() -> str:
    """List the guards that are not as installed, and count the others."""
    guards = database().read("guard_status", "kind", "name")
    return render_template(
        "console/guards.html",
        broken=[guard for guard in guards if guard["status"] != "intact"],
        intact=sorted(Counter(guard["kind"] for guard in guards if guard["status"] == "intact").items()),
    )
