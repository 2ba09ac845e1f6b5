"""Lockstep: progress and license of a student, two records that cannot disagree."""

from flask_openapi import Info, OpenAPI
from flask_openapi.models import SecurityScheme

from app import accounts, alerts, cli, console, drills, http, monitor, operate, queue, schools, sync
from app.adoption.cli import adopt_command
from app.http import problems
from app.http.models import ProblemDocument
from app.settings import Settings


def create_app(settings: Settings | None = None) -> OpenAPI:
    """Build the application; without settings, from the environment."""
    settings = settings or Settings.from_environment()
    app = OpenAPI(
        __name__,
        info=Info(title="Lockstep", version="1", description="Progress and license of a student, in lockstep."),
        security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearerFormat="JWT")},
        validation_error_model=ProblemDocument,
        validation_error_callback=problems.of_validation,
    )
    app.openapi_version = "3.1.0"  # what testers and generators of clients read
    app.extensions["lockstep"] = settings
    app.cli.add_command(cli.database)
    app.cli.add_command(cli.serve_forever)
    app.cli.add_command(adopt_command)
    app.cli.add_command(sync.sync)
    app.cli.add_command(queue.queue)
    app.cli.add_command(accounts.auth)
    app.cli.add_command(operate.backups)
    app.cli.add_command(operate.deployments)
    app.cli.add_command(alerts.alerts)
    app.cli.add_command(drills.drill)
    console.init_app(app)
    app.cli.add_command(schools.school)
    app.cli.add_command(monitor.monitor)
    http.init_app(app, settings)
    return app
