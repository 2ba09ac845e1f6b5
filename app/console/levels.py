"""Levels: how many students are at each, by specialization."""

from itertools import groupby

from flask import Blueprint, render_template

from app.console import charts
from app.http.database import database


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.add_url_rule("/levels", "show_levels", show_levels)


def show_levels() -> str:
    """Show the distribution, a chart a specialization."""
    rows = database().read("level_distribution", "specialization", "level")
    found = []
    for specialization, levels in groupby(rows, key=lambda row: row["specialization"]):
        shown = list(levels)
        chart = charts.bars([(str(row["level"]), row["students"]) for row in shown])
        found.append((specialization, shown, sum(row["students"] for row in shown), chart))
    return render_template("console/levels.html", specializations=found)
