"""The command that takes over the database of another system: `flask --app app adopt`."""

import dataclasses
import json
import signal
import sys
from pathlib import Path
from typing import Any

import click
import psycopg
from flask.cli import with_appcontext
from tabulate import tabulate

from app.adoption.adopt import BROUGHT, STORED, Options, Progress, Result, adopt
from app.adoption.source import AdoptionError
from app.cli import FAILURES, dsn, schema
from app.sync import DIRECTIONS, as_json, explain, jsonable

# How many files are named, at most.
SHOWN = 10

# Of a level row, what is told where two differ.
LEVEL = ("name", "required_xp", "required_sessions", "theory_hours", "practice_hours", "total_hours")


class InterruptedAdoption(click.ClickException):
    """Ctrl-C: ends as a shell expects it to."""

    exit_code = 128 + signal.SIGINT


@click.command("adopt")
@click.option("--from", "source", required=True, metavar="DSN", help="The database that is taken over. Only read.")
@click.option(
    "--files",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of project files and assets.",
)
@click.option("--apply/--dry-run", default=False, help="Do it, or say what would be done (without either).")
@click.option("--timezone", default="UTC", show_default=True, help="Of times that name none.")
@click.option("--direction", type=click.Choice(DIRECTIONS), default=DIRECTIONS[0], show_default=True)
@click.option("--name", help="What the source is known by in later adoptions; its database's name without.")
@click.option("--schema", default="public", show_default=True, help="Of the tables in the source.")
@click.option("--chunk", type=click.IntRange(min=1), default=1000, show_default=True, help="Rows a transaction.")
@as_json
@with_appcontext
def adopt_command(source: str, files: Path | None, apply: bool, machine: bool, **given: Any) -> None:
    """Take over another system's database: report first, then bring over what is new or changed in it.

    Run it again at any time: after an interruption, or as long as the old system is in use. Fails when what was
    found is not what was imported, repaired, merged or left out.
    """
    options = Options(folder=files, apply=apply, **given)
    report = (lambda result: None) if machine else _print_plan
    try:
        result = adopt(dsn(), source, options, _show_progress(), schema(), report)
    except KeyboardInterrupt as error:
        raise InterruptedAdoption("interrupted: what came over stays; run it again for the rest") from error
    except (AdoptionError, *FAILURES) as error:
        raise click.ClickException(str(error)) from error
    except psycopg.Error as error:
        raise click.ClickException(explain(error)) from error
    if machine:
        click.echo(json.dumps(dataclasses.asdict(result), default=jsonable, indent=2))
    else:
        _print_sums(result)
    if result.differences:
        sys.exit(1)


def _print_plan(result: Result) -> None:
    click.echo(f"source {result.source}: what is found, and what becomes of it\n")
    click.echo(_table(result.plan))
    for row in result.levels:
        click.echo(_level(row))
    for row in result.gone:
        click.echo(f"gone from the source, and kept here: {row['rows']} of {row['table_name']}")
    if result.unnamed:
        click.echo(f"files that no row names, and that stay where they are: {len(result.unnamed)}")
        for name in result.unnamed[:SHOWN]:
            click.echo(f"  {name}")
    if result.run is None:
        click.echo("\ndry run: nothing was changed; --apply does this")


def _level(row: dict[str, Any]) -> str:
    """A level row of the source that is not as here: which, what becomes of it, and where the two differ."""
    there, here = row["there"] or {}, row["here"] or {}
    text = f"level {row['level'] or '?'} of {row['table_name']}: {row['outcome']}"
    text += f", {row['reason']}" if row["reason"] else ""
    names = [name for name in LEVEL if there.get(name) != here.get(name)]
    if not here or not there:
        return f"{text}: {_words(there or here)}"
    return f"{text}: {', '.join(f'{name} {_word(there.get(name))}, here {_word(here.get(name))}' for name in names)}"


def _words(level: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_word(level.get(name))}" for name in LEVEL[:3])


def _word(value: object) -> str:
    return "-" if value is None else str(value)


def _print_sums(result: Result) -> None:
    if result.run is None:
        return
    click.echo(f"\nrun {result.run}: what is in the source, and what became of it\n")
    click.echo(_table([{name: row[name] for name in row if name not in (BROUGHT, STORED)} for row in result.sums]))
    for difference in result.differences:
        click.echo(f"does not add up: {difference}")
    if not result.differences:
        rows = sum(found.rows for found in result.found.values())
        xp = sum(found.xp for found in result.found.values())
        brought = sum(row[STORED] for row in result.sums)
        files = f"; {brought} bytes of files came over, and are stored here" if brought else ""
        click.echo(f"\n{rows} rows and {xp} XP in the source: each is accounted for{files}")
    if left := sum(row["rows"] for row in result.sums if row["outcome"] in ("quarantined", "conflict")):
        click.echo(f"{left} of them did not come over: flask --app app db quarantine says which, and why")


def _table(rows: list[dict[str, Any]]) -> str:
    return str(tabulate(rows, headers="keys", tablefmt="simple", missingval="-", floatfmt=".0f"))


def _show_progress() -> Progress:
    """A bar on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda what, done, total: None
    bars: dict[str, Any] = {}

    def move(what: str, done: int, total: int) -> None:
        if what not in bars:
            bars[what] = click.progressbar(length=max(total, 1), label=what, file=sys.stderr)
        bar = bars[what]
        bar.update(done - bar.pos)
        if done >= total:
            bar.render_finish()

    return move
