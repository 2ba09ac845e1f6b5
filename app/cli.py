"""The commands behind the Makefile's targets: `flask --app app db …`.

Results go to stdout, what is being done to stderr. A command that needs a database brings the
embedded server up and leaves it up; with LOCKSTEP_DSN set, nothing is ever started or stopped.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click
import psycopg
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from tabulate import tabulate

from app import db, serve
from app.curriculum import CurriculumError
from app.loader import MigrationError
from app.postgres import PostgresError, Server, say, wheel_pgbin
from app.schema import DEFAULT, check_name
from app.serve import ServeError, Service
from app.settings import Settings
from app.words import counted

if TYPE_CHECKING:
    from app.takeover import Report

FAILURES = (
    PostgresError,
    MigrationError,
    CurriculumError,
    ServeError,
    psycopg.OperationalError,
    PermissionError,
)

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Seconds between two looks at what `run` keeps company.
WATCH_INTERVAL = 1

# What a service needs to be told.
LOGINS = ("LOCKSTEP_HTTP_DSN", "LOCKSTEP_HTTP_ADMIN_DSN")

# Where the option --schema is kept.
SCHOOL = f"{__name__}.school"

GUARDS = "select kind, name, status from lockstep.guard_status order by kind, name"

WELCOME = """\
Lockstep is running: Ctrl-C stops it, the data stay.

  database  {dsn}
  service   {url}
  console   {url}/admin
  docs      {url}/openapi/
{admin}
Try, in another terminal, in `make psql`:

  select id, name, max_levels from specializations;
  select * from level_up(1, 'PLAYER', 500, 5);
  select * from desync;
"""

FIRST_ADMIN = """\
  admin     {}   password {}
            (shown this once; flask --app app auth set-password gives another)
"""


class Commands(AppGroup):
    """Commands that end in a sentence, not in a traceback, when the world is not as they need it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        school = click.Option(
            ["--schema"], expose_value=False, callback=_take_school, help="The school, instead of LOCKSTEP_SCHEMA's."
        )
        super().__init__(*arguments, params=[school], **options)

    def invoke(self, context: click.Context) -> Any:
        """Run the command; see click.Group."""
        try:
            return super().invoke(context)
        except FAILURES as error:
            raise click.ClickException(str(error)) from error


def _take_school(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    try:
        context.meta[SCHOOL] = value and check_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


database = Commands("db", help="The database: up and down, migrated, filled, verified.")


@database.command()
def up() -> None:
    """Start the embedded server unless it is up; the last line is the DSN."""
    database_dsn = dsn()
    db.connect(database_dsn).close()
    click.echo(database_dsn)


@database.command()
def down() -> None:
    """Stop the embedded server; its data stay."""
    if _settings().dsn:
        say("LOCKSTEP_DSN is set: its server is not ours to stop")
    else:
        say("stopped" if Server.from_settings(_settings()).stop() else "was not running")


@database.command()
def status() -> None:
    """Say whether the database is up, and where it is; fail if it is down."""
    if given := _settings().dsn:
        db.connect(given).close()
        click.echo(f"up: {given}")
        return
    server = Server.from_settings(_settings())
    if not server.is_running():
        click.echo(f"down: {server.home}")
        sys.exit(1)
    click.echo(f"up: {server.dsn}\nhome: {server.home}\nlog: {server.log}")


@database.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> NoReturn:
    """Open psql on the database; arguments are passed on: with `-d NAME` on another one of its server."""
    settings = _settings()
    pgbin = settings.pgbin or wheel_pgbin()
    target = {name: str(part) for name, part in conninfo_to_dict(dsn()).items()}
    # In the environment, where an argument overrides its own part only, and because anybody can read a command line.
    environment = dict(os.environ)
    for option in Conninfo.get_defaults():
        if option.envvar and (part := target.pop(option.keyword.decode(), None)) is not None:
            environment[option.envvar.decode()] = part
    if schema() != DEFAULT:
        environment.setdefault("PGOPTIONS", f"-c search_path={schema()},public")
    program = str(pgbin / "psql")
    rest = ["-d", make_conninfo("", **target)] if target else []
    os.execve(program, [program, *rest, *arguments], environment)


@database.command("migrate")
@click.option("--beside", is_flag=True, help="Install even where public holds the tables of an older system.")
def migrate_up(beside: bool) -> None:
    """Apply the pending migrations."""
    _migrate(dsn(), schema(), beside)


@database.command()
def functions() -> None:
    """Load functions, triggers and views again, in one transaction."""
    _load_functions(dsn(), schema())


@database.command("migrate-down")
@click.option("--to", "target", help="The migration to stay at, 0 for none; one step down without it.")
def migrate_down(target: str | None) -> None:
    """Roll migrations back, and load the functions of the version that is left."""
    from app.migrator import Migrator

    Migrator(dsn(), schema=schema(), say=say).rollback(target)


dry_run_or_apply = click.option(
    "--dry-run/--apply", required=True, help="Report what would happen and take it back, or do it."
)
patience = click.option("--lock-timeout", default="5s", show_default=True, help="How long the tables are waited for.")


@database.command("take-over")
@dry_run_or_apply
@click.option("--zone", default="UTC", show_default=True, help="Where times without a zone were written.")
@patience
def take_over(dry_run: bool, zone: str, lock_timeout: str) -> None:
    """Take the tables of an older system in public over, in place, in one transaction."""
    from app import takeover
    from app.migrator import Migrator

    report = takeover.take_over(
        Migrator(dsn(), schema=schema(), say=say), apply=not dry_run, zone=zone, lock_timeout=lock_timeout
    )
    _show_report(report, dry_run)


@database.command("give-back")
@dry_run_or_apply
@patience
def give_back(dry_run: bool, lock_timeout: str) -> None:
    """Put tables that were taken over back into public, as they were; what was written since stays."""
    from app import takeover
    from app.migrator import Migrator

    report = takeover.give_back(Migrator(dsn(), schema=schema(), say=say), apply=not dry_run, lock_timeout=lock_timeout)
    _show_report(report, dry_run)


@database.command("quarantine")
@click.option("--rows", "each", is_flag=True, help="Each row with its id, not how many there are.")
def show_quarantine(each: bool) -> None:
    """Print what did not come over from other systems, by whichever way, and why."""
    from app.adoption import quarantine

    with db.connect(dsn(), schema()) as connection:
        found = quarantine.read(connection, each=each)
    click.echo(tabulate(found, headers="keys", missingval="-") if found else "nothing stands in quarantine")


@database.command("curriculum")
def load_curriculum() -> None:
    """Load the specializations and their levels."""
    from app import curriculum

    curriculum.load(dsn(), schema=schema())


@database.command("seed")
def set_up() -> None:
    """Set everything up, with a demo population if there are no users; leave it running."""
    _populate(dsn())


@database.command()
def verify() -> None:
    """Print the deployment report, a line a check; fail if a check fails."""
    from app import backup, deploy
    from app.loader import read_sources
    from app.migrator import Migrator

    migrator, settings = Migrator(dsn(), schema=schema()), _settings()
    with db.connect(migrator.dsn, schema()) as connection:
        if not backup.is_installed(connection):
            raise click.ClickException("nothing is installed there: make migrate functions")
        name = connection.info.dbname
    lines = deploy.report(migrator.dsn, migrator.head(), schema())
    lines.append(deploy.check_release(migrator, read_sources(migrator.root)))
    lines.append(backup.newest(settings.backups, name, schema()))
    print_lines(lines)


@database.command()
@click.option("--all", "everything", is_flag=True, help="Intact guards too.")
@click.option("--accept", is_flag=True, help="Take what is found as what ought to be, after a change on purpose.")
def guards(everything: bool, accept: bool) -> None:
    """List the guards that are not as installed; fail if there are any."""
    with connect() as connection:
        if accept:
            db.call(connection, "record_guards")
        rows = connection.execute(GUARDS).fetchall()
    for kind, name, result in rows:
        if everything or result != "intact":
            click.echo(f"{result:<10} {kind:<12} {name}")
    broken = sum(result != "intact" for _, _, result in rows)
    click.echo(f"{counted(len(rows), 'guard')}, {broken} not as installed")
    if broken or not rows:
        sys.exit(1)


@database.command()
@click.option("--students", default=2_000, show_default=True)
@click.option("--writers", default=64, show_default=True)
@click.option("--events", default=50_000, show_default=True)
def demo(students: int, writers: int, events: int) -> None:
    """Play the season in a scratch database, which is dropped at the end; fail on a broken promise."""
    from app import season

    with _scratch_database(dsn()) as scratch:
        _install(scratch, DEFAULT)
        try:
            result = season.run(
                scratch, students=students, writers=writers, events=events, progress=season.show_progress()
            )
        except season.SeasonError as error:
            raise click.ClickException(str(error)) from error
    click.echo(result)
    if not result.ok:
        sys.exit(1)


@database.command()
def run() -> None:
    """Set everything up, serve, and stay in the foreground; stop what this command started."""
    for stopping in STOPPING:
        signal.signal(stopping, signal.default_int_handler)
    settings, parent = _settings(), os.getppid()
    server = None if settings.dsn else Server.from_settings(settings)
    service = None
    try:
        listener = serve.listen(settings.service)
        where = server.start() if server else dsn()
        _populate(where)
        service = Service(listener, _logins(where), schema(), stop_server=bool(server and server.started_here))
        service.wait_until_it_answers()
        click.echo(WELCOME.format(dsn=where, url=service.url, admin=_first_admin(where)))
        _stay(server, service, parent)
    except KeyboardInterrupt:
        say("stopping")
    finally:
        for stopping in STOPPING:
            signal.signal(stopping, signal.SIG_IGN)
        if service:
            service.stop()
        if server and server.started_here:
            server.stop()


@database.command()
def logins() -> None:
    """Make the logins of the service unless they are there; print what it is told of them."""
    for name, login in zip(LOGINS, _logins(dsn()), strict=True):
        click.echo(f"{name}={login}")


@click.command("serve")
@with_appcontext
def serve_forever() -> NoReturn:
    """Serve HTTP in production form, over the logins that LOCKSTEP_HTTP_DSN and LOCKSTEP_HTTP_ADMIN_DSN name."""
    settings = _settings()
    if not settings.http_dsn or not settings.http_admin_dsn:
        raise click.ClickException(f"{' and '.join(LOGINS)} are not set: flask --app app db logins")
    try:
        listener = serve.listen(settings.service)
    except ServeError as error:
        raise click.ClickException(str(error)) from error
    say(f"serving on {serve.url(listener)}")
    serve.replace_process(listener)


def print_lines(lines: Sequence[Any]) -> None:
    """Print a report, a line a check, and how many failed; end this command with 1 where one did, or none was made."""
    for line in lines:
        click.echo(line)
    failed = sum(line.status == "fail" for line in lines)
    click.echo(f"{counted(len(lines), 'check')}, {failed} failed")
    if failed or not lines:
        sys.exit(1)


def dsn() -> str:
    """Where the database is; the embedded server is brought up for it."""
    return _settings().dsn or Server.from_settings(_settings()).start()


def schema() -> str:
    """The school that a command is for."""
    return click.get_current_context().meta.get(SCHOOL) or _settings().schema


def connect() -> db.Connection:
    """Open a connection of that school; the embedded server is brought up for it."""
    return db.connect(dsn(), schema())


def _settings() -> Settings:
    settings: Settings = current_app.extensions["lockstep"]
    return settings


def _stay(server: Server | None, service: Service, parent: int) -> None:
    """Wait until something ends that this command cannot do without."""
    forever = threading.Event()
    while True:
        forever.wait(WATCH_INTERVAL)
        if not service.is_running():
            raise click.ClickException("the service ended")
        if server and not server.postmaster():
            raise click.ClickException("somebody stopped the server")
        if "MAKELEVEL" in os.environ and os.getppid() != parent:
            raise KeyboardInterrupt  # make was killed, so nobody is left to say that we should end


def _logins(dsn: str) -> tuple[str, str]:
    """The DSNs of the service: those given, or those of logins that are made now."""
    from app import logins

    settings = _settings()
    if settings.http_dsn and settings.http_admin_dsn:
        return settings.http_dsn, settings.http_admin_dsn
    home = settings.home if settings.dsn else Server.from_settings(settings).home
    return logins.ensure(dsn, home / "http-logins.json", schema())


def _first_admin(dsn: str) -> str:
    """Make an admin if there is none who can sign in, and say how, this once."""
    from app import accounts

    made = accounts.ensure_admin(dsn, schema())
    return FIRST_ADMIN.format(*made) if made else ""


def _show_report(report: "Report", dry_run: bool) -> None:
    for line in report.lines:
        click.echo(f"{line.part:<12} {line.subject:<48} {line.detail}".rstrip())
    if report.accounts:
        click.echo(f"\n{tabulate([account.row() for account in report.accounts], headers='keys')}")
    click.echo("\na dry run: nothing is changed" if dry_run else "\ndone")


def _populate(dsn: str) -> None:
    """Install, and invent people if there is nobody."""
    from app import seed

    _install(dsn, schema())
    seed.seed(dsn, schema())


def _install(dsn: str, schema: str) -> None:
    """Bring a database to the newest schema, functions and curriculum."""
    from app import curriculum

    _migrate(dsn, schema)
    _load_functions(dsn, schema)
    curriculum.load(dsn, schema=schema)


def _migrate(dsn: str, schema: str, beside: bool = False) -> None:
    from app.migrator import Migrator

    Migrator(dsn, schema=schema, say=say, beside=beside).migrate()


def _load_functions(dsn: str, schema: str) -> None:
    from app.migrator import Migrator

    say(f"{len(Migrator(dsn, schema=schema, say=say).load())} functions and views loaded")


@contextmanager
def scratch(dsn: str) -> Iterator[str]:
    """An installed database beside this one, which is dropped in the end."""
    with _scratch_database(dsn) as made:
        _install(made, DEFAULT)
        yield made


@contextmanager
def _scratch_database(dsn: str) -> Iterator[str]:
    """Make a database beside this one, and drop it in the end."""
    name = f"lockstep_scratch_{os.getpid()}"
    with db.connect(dsn) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(dsn, dbname=name)
        finally:
            drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            connection.execute(drop)
