"""How values look on a page, and what every page knows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from flask import Blueprint, Flask, request
from markupsafe import Markup

from app.console.visitor import visitor
from app.http.access import ROUTES
from app.words import plural

NOTHING = "\N{EN DASH}"

# In the order of the menu: a page is there for who may see it.
MENU = (
    ("console.overview", "Overview"),
    ("console.list_desync", "Desync"),
    ("console.list_runs", "Runs"),
    ("console.find_users", "People"),
    ("console.show_levels", "Levels"),
    ("console.show_locks", "Locks and pool"),
    ("console.show_queue", "Queue"),
    ("console.list_incidents", "Incidents"),
    ("console.list_guards", "Guards"),
)

# What a page says of the form that led to it.
DONE = {
    "repaired": "Repaired. The ledger of runs has it.",
    "erased": "Erased. The figures stay, under a pseudonym.",
    "requeued": "The entry is in the queue again, in its old place.",
    "discarded": "The entry was thrown away.",
    "not-repaired": "Not repaired: the pair changed in between. Look again.",
}

# What states mean, for their colour; their word stands beside it always.
TONES = {
    "good": "healthy success synced undone intact active sent",
    "warn": "degraded partial_failure skipped undone_in_step unknown planned running warning retrying waiting",
    "bad": "critical overdue broken failed altered missing unexpected inactive set_aside",
}
_TONE = {word: tone for tone, words in TONES.items() for word in words.split()}


def init_app(app: Flask, pages: Blueprint) -> None:
    """Make these known to the templates."""
    app.add_template_filter(when)
    app.add_template_filter(ago)
    app.add_template_filter(lasting)
    app.add_template_filter(number)
    app.add_template_filter(counted)
    app.add_template_filter(words)
    app.add_template_filter(tone)
    app.add_template_filter(sentence)
    pages.app_context_processor(_context)


def when(moment: datetime | str | None) -> str | Markup:
    """A moment, to the second, in UTC."""
    if moment is None:
        return NOTHING
    there = (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        there.isoformat(timespec="seconds"), there.strftime("%Y-%m-%d %H:%M:%S")
    )


def ago(moment: datetime | None) -> str:
    """How long ago a moment is, or how far ahead, roughly."""
    if moment is None:
        return NOTHING
    distance = datetime.now(UTC) - moment
    return f"{lasting(distance)} ago" if distance >= timedelta() else f"in {lasting(-distance)}"


def lasting(length: timedelta | float | None) -> str:
    """A length of time, in two units at most."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def number(value: int | float | Decimal | None) -> str:
    """A figure with its thousands set apart."""
    if value is None:
        return NOTHING
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float | Decimal) else f"{value:,}"


def counted(value: int, noun: str) -> str:
    """A figure and its noun."""
    return f"{number(value)} {plural(value, noun)}"


def words(code: object) -> str:
    """A code of the database as words: level_mismatch is `level mismatch`."""
    return NOTHING if code is None else str(code).replace("_", " ")


def sentence(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def tone(state: object) -> str:
    """The colour of a state: good, warn, bad, or none."""
    return _TONE.get(str(state), "none")


def menu() -> list[tuple[str, str]]:
    """The pages that the visitor may see, each with its title."""
    who = visitor().signed_in
    return [(endpoint, title) for endpoint, title in MENU if who and who.role in ROUTES[endpoint].roles]


def _csrf() -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(visitor().csrf)


def _context() -> dict[str, Any]:
    return {
        "csrf": _csrf,
        "done": DONE.get(request.args.get("done", "")),
        "without_after": lambda: {name: value for name, value in request.args.items() if name != "after"},
        "visitor": visitor(),
        "menu": menu(),
        "once": uuid4,
    }
