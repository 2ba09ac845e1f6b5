"""The console at /admin: pages for admins and instructors, over the functions and views of the database.

Like the API a page is a call of a function, or the reading of a few views; who may see it stands in
app/http/access.py. Everything works without JavaScript, and nothing is asked of another host. Who is
signed in, and forms, are in `visitor`; what the HTTP layer asks of the console in `door`; each noun has a module.
"""

from flask import Blueprint, Flask

from app.console import (
    desync,
    door,
    formats,
    guards,
    incidents,
    levels,
    locks,
    overview,
    people,
    problems,
    queue,
    runs,
    signing_in,
    visitor,
)
from app.http.access import CONSOLE

MODULES = (signing_in, overview, desync, runs, people, levels, locks, queue, incidents, guards)


def init_app(app: Flask) -> None:
    """Give the application the pages; http.init_app() has to come after, for it checks who may see them."""
    pages = Blueprint(
        CONSOLE,
        __name__,
        url_prefix="/admin",
        template_folder="templates",
        static_folder="static",
    )
    door.init_app(app)
    visitor.init_app(pages)
    formats.init_app(app, pages)
    for module in MODULES:
        module.add_to(pages)
    problems.add_to(pages)  # last: whatever has no page
    app.register_blueprint(pages)
