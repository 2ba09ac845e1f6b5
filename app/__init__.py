"""Lockstep: progress and license of a student, two records that cannot disagree."""

from flask import Flask

from app import cli, queue, sync
from app.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; without settings, from the environment."""
    app = Flask(__name__)
    app.extensions["lockstep"] = settings or Settings.from_environment()
    app.cli.add_command(cli.database)
    app.cli.add_command(sync.sync)
    app.cli.add_command(queue.queue)
    return app
