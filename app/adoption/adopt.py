"""Brings a source over: stage it, plan, and apply the plan in chunks, each a transaction.

Interrupted at any moment, the next adoption reads the source again and brings the rest: what became of each
row stands in adopted_rows, written in the transaction that brought it over.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app import db
from app.adoption import files
from app.adoption.source import WITH_FILES, AdoptionError, Found, Source, read
from app.schema import DEFAULT

# Told what is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]
Row = dict[str, Any]

LOCK = "select pg_try_advisory_lock(hashtextextended('lockstep adoption', 0))"
UNLOCK = "select pg_advisory_unlock(hashtextextended('lockstep adoption', 0))"
# Whether Citus is here, and whether the school is whole on one of its nodes.
CATALOG = "select to_regclass('pg_catalog.pg_dist_schema') is not null"
DISTRIBUTED = "select from pg_catalog.pg_dist_schema where schemaid = 'lockstep'::regnamespace"
STAGE = "copy lockstep.adoption_staging (table_name, source_id, content) from stdin"
CLEAR = "delete from lockstep.adoption_staging; delete from lockstep.adoption_pairs"
EMPTY = "truncate lockstep.adoption_staging, lockstep.adoption_pairs"
PLAN = "select * from lockstep.adoption_plan order by table_name, outcome, reasons"
NO_FILES_YET = "select source_id, content from lockstep.adoption_staging where table_name = %s order by source_id"
JUDGE = """
update lockstep.adoption_staging set file_sha256 = %s, file_bytes = %s, file_fault = %s
where table_name = %s and source_id = %s
"""
FILES_LEFT = """
select source_id, content from lockstep.adoption_staging
where table_name = %s and outcome in ('imported', 'repaired') and not done
order by source_id
"""
LEFT = """
select count(*) from lockstep.adoption_staging where table_name = 'users' and user_id is not null and not done
union all
select count(*) from lockstep.adoption_pairs where not done
"""
GONE = """
select adopted.table_name, count(*) as rows
from lockstep.adopted_rows as adopted
where adopted.source = %s
    and adopted.table_name = any(%s)
    and not exists (
        select from lockstep.adoption_staging as staged
        where staged.table_name = adopted.table_name and staged.source_id = adopted.source_id
    )
group by adopted.table_name
order by adopted.table_name
"""


# Bytes that this run brought, and those that are stored here of them.
BROUGHT, STORED = "bytes_brought", "bytes_kept"
SUMS = ("table_name", "outcome", "rows", "level_found", "level_kept", "xp_found", "xp_kept", "bytes", BROUGHT, STORED)


@dataclass(frozen=True)
class Options:
    """How a source is adopted; see the command."""

    folder: Path | None = None
    apply: bool = False
    timezone: str = "UTC"
    direction: str = "to_higher_level"
    name: str | None = None
    schema: str = "public"
    chunk: int = 1000


@dataclass
class Result:
    """What an adoption found, planned and did.

    `levels`: level rows that are not as here, one by one. `gone`: adopted once, and in the source no more. `unnamed`:
    files in the folder that no row names.
    """

    source: str
    plan: list[Row] = field(default_factory=list)
    levels: list[Row] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)
    gone: list[Row] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    run: int | None = None
    sums: list[Row] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def adopt(
    target: str,
    source: str,
    options: Options,
    progress: Progress,
    school: str = DEFAULT,
    report: Callable[[Result], None] = lambda result: None,
) -> Result:
    """Adopt a source into a school, or say what that would do.

    `report` is told the plan before anything is brought over. Raises AdoptionError, psycopg.Error.
    """
    with db.connect(target, school) as connection, _alone(connection):
        with read(source, options.schema) as opened:
            if opened.has_files and options.folder is None:
                raise AdoptionError("this source has projects and assets: --files says where they are on disk")
            if connection.execute(CATALOG).fetchone() == (True,) and connection.execute(DISTRIBUTED).rowcount:
                raise AdoptionError("this school is on a cluster already: take over first, and distribute it then")
            result = Result(options.name or opened.name)
            with connection.transaction(force_rollback=not options.apply):
                result.unnamed = _stage(connection, opened, options, progress)
                _plan(connection, result, options, [table.name for table in opened.tables])
                if options.apply:
                    run = db.call(
                        connection,
                        "start_adoption",
                        source=result.source,
                        timezone=options.timezone,
                        direction=options.direction,
                    )
                    result.run = run["id"]
            result.found = {table.name: opened.count(table) for table in opened.tables}
        report(result)
        if result.run is not None:
            _apply(connection, result, options, progress)
    return result


@contextmanager
def _alone(connection: db.Connection) -> Iterator[None]:
    """Be the only adoption. The lock goes with the session, too; but the server may see late that it is over."""
    if connection.execute(LOCK).fetchone() != (True,):
        raise AdoptionError("another adoption is under way")
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.execute(UNLOCK)


def _stage(connection: db.Connection, source: Source, options: Options, progress: Progress) -> list[str]:
    """Copy every row of the source over, and look at its files; return those that no row names."""
    connection.execute(CLEAR)
    for number, table in enumerate(source.tables):
        progress("reading", number, len(source.tables))
        with connection.cursor() as cursor, cursor.copy(STAGE) as copy:
            for data in source.copy(table):
                copy.write(data)
    progress("reading", len(source.tables), len(source.tables))
    named: set[Path] = set()
    for name in WITH_FILES:
        rows = connection.execute(NO_FILES_YET, [name]).fetchall()
        if rows and options.folder:
            limit = _limit(connection, name)
            with connection.cursor() as cursor:
                cursor.executemany(JUDGE, _judge(options.folder, name, rows, limit, progress, named))
    connection.execute("analyze lockstep.adoption_staging")
    return files.unnamed(options.folder, named) if source.has_files and options.folder else []


def _judge(
    folder: Path, table: str, rows: list[Any], limit: int, progress: Progress, named: set[Path]
) -> Iterator[list[Any]]:
    for number, (source_id, content) in enumerate(rows, 1):
        file = files.look(folder, table, source_id, content, limit)
        if file.path:
            named.add(file.path)
        progress(f"looking at {table}", number, len(rows))
        yield [file.sha256, file.size, file.fault, table, source_id]


def _limit(connection: db.Connection, table: str) -> int:
    name = {"projects": "project_file_limit", "assets": "asset_limit"}[table]
    return int(db.call(connection, "setting", name=name)["setting"])


def _plan(connection: db.Connection, result: Result, options: Options, tables: list[str]) -> None:
    result.levels = db.call(connection, "adopt_curriculum", source=result.source)["adopt_curriculum"]
    db.call(
        connection,
        "plan_adoption",
        source=result.source,
        timezone=options.timezone,
        direction=options.direction,
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        result.plan = cursor.execute(PLAN).fetchall()
        result.gone = cursor.execute(GONE, [result.source, tables]).fetchall()


def _apply(connection: db.Connection, result: Result, options: Options, progress: Progress) -> None:
    connection.execute("analyze lockstep.adoption_staging, lockstep.adoption_pairs")
    users, pairs = (count for (count,) in connection.execute(LEFT))
    for what, function, left in (("users", "adopt_users", users), ("pairs", "adopt_pairs", pairs)):
        done = 0
        progress(what, done, left)
        while moved := db.call(connection, function, run_id=result.run, limit=options.chunk)[function]:
            done += moved
            progress(what, min(done, left), left)
    db.call(connection, "adopt_groups", run_id=result.run)
    for name in WITH_FILES:
        _bring_files(connection, result, options, name, progress)
    with connection.transaction():
        sums = db.call(connection, "finish_adoption", run_id=result.run)["finish_adoption"]
        result.sums = [{column: row[column] for column in SUMS} for row in sums]
        result.differences = differences(result)
        connection.execute(EMPTY)


def _bring_files(connection: db.Connection, result: Result, options: Options, name: str, progress: Progress) -> None:
    """One file a transaction: it is read again, and has to be the one that was planned."""
    rows = connection.execute(FILES_LEFT, [name]).fetchall()
    if not rows:
        return
    assert options.folder
    limit = _limit(connection, name)
    for number, (source_id, content) in enumerate(rows, 1):
        file = files.look(options.folder, name, source_id, content, limit)
        data = file.path.read_bytes() if file.path else b""
        given = {"run_id": result.run, "source_id": source_id, "content": data}
        if name == "assets":
            db.call(connection, "adopt_asset", **given, type=file.use, format=file.ending)
        else:
            shown = file.path.name[-255:] if file.path else source_id
            db.call(connection, "adopt_project", **given, file_name=shown)
        progress(name, number, len(rows))


def differences(result: Result) -> list[str]:
    """Where what was found in the source is not what was imported, repaired, merged or left out; none: it adds up.

    Of files that this run brought, where what is stored here is not what was read.
    """
    added: dict[str, Counter[str]] = {}
    for row in result.sums:
        total = added.setdefault(row["table_name"], Counter())
        total.update(rows=row["rows"], level=int(row["level_found"]), xp=int(row["xp_found"]))
    stored = [
        f"{row['table_name']}: {row[BROUGHT]} bytes read, {row[STORED]} stored"
        for row in result.sums
        if row[BROUGHT] != row[STORED]
    ]
    return stored + [
        f"{table}: {getattr(found, what)} {what} in the source, {added.get(table, Counter())[what]} accounted for"
        for table, found in result.found.items()
        for what in ("rows", "level", "xp")
        if getattr(found, what) != added.get(table, Counter())[what]
    ]
