"""The queue: what waits, and what was set aside and needs somebody."""

from typing import Literal

from flask import Blueprint, redirect, render_template, url_for
from pydantic import BaseModel
from werkzeug.wrappers import Response

from app.console.visitor import form
from app.http.database import database
from app.http.models import Id

# Entries that are shown; the view queue_set_aside has all.
MOST = 100


class Entry(BaseModel):
    """Which entry."""

    user_id: Id
    entry_id: Id


class Discarded(Entry):
    """The same, and that somebody knows what it means."""

    sure: Literal["yes"]


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/queue", "show_queue", show_queue)
    pages.add_url_rule("/queue/requeue", "requeue", requeue, methods=["POST"])
    pages.add_url_rule("/queue/discard", "discard", discard, methods=["POST"])


def show_queue() -> str:
    """Show how the queue stands."""
    (status,) = database().read("queue_status", "backlog")
    entries = database().read("queue_set_aside", "set_aside_at", "entry_id", limit=MOST)
    return render_template("console/queue.html", status=status, entries=entries)


def requeue() -> Response:
    """Put an entry that was set aside back, in its old place."""
    entry = form(Entry)
    database().call("requeue_level_up", user_id=entry.user_id, entry_id=entry.entry_id)
    return redirect(url_for("console.show_queue", done="requeued"), 303)


def discard() -> Response:
    """Throw an entry that was set aside away."""
    entry = form(Discarded)
    database().call("discard_level_up", user_id=entry.user_id, entry_id=entry.entry_id)
    return redirect(url_for("console.show_queue", done="discarded"), 303)
