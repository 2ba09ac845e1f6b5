"""The commands of whoever runs Lockstep: `flask --app app backup …`, `flask --app app deploy …`."""

from pathlib import Path
from typing import Any

import click
import psycopg
from flask import current_app

from app.cli import Commands, dsn, print_lines, schema
from app.postgres import say
from app.settings import Settings
from app.words import counted


class Operations(Commands):
    """Commands that end in a sentence when they cannot be carried out."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; see click.Group."""
        from app.backup import BackupError
        from app.deploy import DeployError

        try:
            return super().invoke(context)
        except (BackupError, DeployError, psycopg.Error) as error:
            raise click.ClickException(str(error)) from error


backups = Operations("backup", help="Backups: make, list, check, restore.")
deployments = Operations("deploy", help="Deployments: run, roll back, list.")

dump_argument = click.argument("dump", type=click.Path(path_type=Path, dir_okay=False, exists=True))
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@backups.command("create")
def create_backup() -> None:
    """Back the school up; the last line is the file."""
    from app import backup
    from app.deploy import Ledger

    settings, target = _settings(), dsn()
    pinned = Ledger(settings.backups, schema()).pinned(backup.database_of(target))
    click.echo(backup.create(target, settings.backups, settings.backup.keep, say, settings.pgbin, pinned, schema()))


@backups.command("list")
def list_backups() -> None:
    """List the backups in the folder, oldest first."""
    from app import backup

    for dump, manifest in backup.listed(_settings().backups):
        told = manifest.contents
        click.echo(
            f"{manifest.taken_at[:19]}Z  {told.migration:<28} {told.rows:>10} rows {manifest.size:>12} bytes  {dump}"
        )


@backups.command("check")
@dump_argument
def check_backup(dump: Path) -> None:
    """Compare a backup with its manifest; the proof that it restores is a deployment's, or `restore`."""
    from app import backup

    manifest = backup.check(dump)
    click.echo(
        f"whole: {dump}, {counted(manifest.contents.rows, 'row')} of {manifest.schema} in {manifest.database},"
        f" {manifest.age:.1f} hours old"
    )


@backups.command("restore")
@dump_argument
@click.option("--into", help="The name of the database; that of the backup and _restored without it.")
@click.option("--replace", is_flag=True, help="Put it in the place of a database of this name, which is kept aside.")
@yes_option
def restore_backup(dump: Path, into: str | None, replace: bool, yes: bool) -> None:
    """Restore a backup as a database, put its guards right, and compare it with the manifest."""
    from app import backup

    target = dsn()
    into = into or f"{backup.Manifest.read(dump).database}_restored"
    if replace and not yes:
        say(f"whoever works in {into} is thrown out; what is there now is kept under another name")
        if click.prompt(f"Type {into} to replace it") != into:
            raise click.ClickException("nothing was changed")
    lines = backup.restore(dump, target, into, replace, say, _settings().pgbin)
    print_lines(lines)


@deployments.command("run")
@click.option(
    "--backup", "chosen", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Deploy on this backup."
)
def run_deployment(chosen: Path | None) -> None:
    """Deploy this release, or go on with the deployment that failed or was killed."""
    deployer = _deployer()
    deployment = deployer.deploy(chosen)
    failed = sum(status == "fail" for lines in deployment.lines.values() for status, _, _ in lines)
    click.echo(f"deployment {deployment.id} {deployment.status}, {counted(failed, 'check')} failed")
    if failed:
        say("go on when it is mended: make deploy; go back: make rollback")
        click.get_current_context().exit(1)


@deployments.command("rollback")
@click.option(
    "--to", help="A deployment: as before it. A migration: stay at it. Without: as before the newest deployment."
)
@yes_option
def roll_back(to: str | None, yes: bool) -> None:
    """Say what a rollback would lose, ask, and do it."""
    deployer = _deployer()
    plan = deployer.plan_rollback(to)
    for line in plan.lines():
        click.echo(line)
    if not yes:
        click.confirm("Roll back?", abort=True)
    lines = deployer.roll_back(plan)
    failed = sum(line.status == "fail" for line in lines)
    click.echo(f"{counted(len(lines), 'check')}, {failed} failed")
    if failed:
        click.get_current_context().exit(1)
    if plan.leaving:
        say(f"now put the older release in place and restart it: this one asks for {plan.restart}")


@deployments.command("list")
def list_deployments() -> None:
    """List the deployments that the ledger knows, oldest first."""
    from app import backup
    from app.deploy import Ledger

    for one in Ledger(_settings().backups, schema()).all(backup.database_of(dsn())):
        click.echo(f"{one.id}  {one.status:<12} {one.before} to {one.head}  {one.backup or 'no backup'}")


def _deployer() -> Any:
    from app.deploy import Deployer

    return Deployer(dsn(), _settings(), click.echo, say, schema=schema())


def _settings() -> Settings:
    settings: Settings = current_app.extensions["lockstep"]
    return settings
