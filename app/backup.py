"""Backups of a school: a dump, and beside it a manifest of what a database that is restored from it must add up to.

    DATABASE-20261121T180501Z.dump   pg_dump's custom format, of the school's schema; 0600
    DATABASE-20261121T180501Z.json   its manifest; a dump without one was never finished

A school of another name than the usual one has it in the file's: DATABASE-SCHOOL-….
Rows and sums are counted in the very snapshot that is dumped. docs/decisions/0014-deployment.md says why
it is made like this.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import db, schools
from app.migrator import Migrator
from app.postgres import PostgresError, wheel_pgbin
from app.schema import DEFAULT
from app.words import counted

DEBIAN = "/usr/lib/postgresql/{}/bin"
JOBS = str(min(4, os.cpu_count() or 1))

# The application_name of its sessions.
APPLICATION = "lockstep backup"

# Seconds that pg_dump waits for a table that somebody else is altering.
LOCK_WAIT = 60

# Seconds after which a dump without a manifest is nobody's any more.
ABANDONED = 24 * 3600.0

# Hours until a backup that is made every day is overdue.
DAILY = 26.0

# The text of a row has to be the same wherever it is asked for.
TEXT_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "search_path": "pg_catalog",
}

TABLES = """
select class.relname
from pg_catalog.pg_class as class
where class.relnamespace = 'lockstep'::regnamespace
    and class.relkind = 'r'
order by class.relname collate "C"
"""
SUM = "select count(*), coalesce(sum(hashtextextended(found::text, 0)::numeric), 0)::text from lockstep.{} as found"
VERSION = "select coalesce(max(migration_id), '0') from lockstep.schema_migrations"
BROKEN = "select kind || ': ' || name || ': ' || status from lockstep.guard_status where status <> 'intact' order by 1"
MISSING_KEYS = """
select name, as_installed from lockstep.guard_status
where kind = 'constraint' and status = 'missing' and as_installed like 'FOREIGN KEY%'
"""
DESYNC = "select count(*) from lockstep.desync"
REPORT = "select check_name, status from lockstep.deployment_report()"
ROLES = """
with recursive our as (
    select role.oid, role.rolname
    from pg_catalog.pg_roles as role
    where not role.rolcanlogin and not role.rolsuper
        and role.rolname ~ '^lockstep_'
),

named as (
    select namespace.nspowner as oid from pg_catalog.pg_namespace as namespace where namespace.nspname = 'lockstep'
    union
    select dependency.refobjid
    from pg_catalog.pg_shdepend as dependency
    where dependency.refclassid = 'pg_catalog.pg_authid'::regclass
        and dependency.dbid = (select db.oid from pg_catalog.pg_database as db where db.datname = current_database())
        and (
            (dependency.classid = 'pg_catalog.pg_class'::regclass and dependency.objid in (
                select class.oid from pg_catalog.pg_class as class where class.relnamespace = 'lockstep'::regnamespace
            ))
            or (dependency.classid = 'pg_catalog.pg_proc'::regclass and dependency.objid in (
                select proc.oid from pg_catalog.pg_proc as proc where proc.pronamespace = 'lockstep'::regnamespace
            ))
            or (dependency.classid = 'pg_catalog.pg_namespace'::regclass
                and dependency.objid = 'lockstep'::regnamespace)
        )
)

select role.rolname, our.oid is not null
from pg_catalog.pg_roles as role
left outer join our on our.oid = role.oid
where role.oid in (select named.oid from named)
order by role.rolname
"""
LOCALE = """
select
    pg_encoding_to_char(db.encoding) as encoding,
    db.datcollate as lc_collate,
    db.datctype as lc_ctype,
    db.datlocprovider as provider,
    coalesce(to_jsonb(db) ->> 'datlocale', to_jsonb(db) ->> 'daticulocale') as locale
from pg_catalog.pg_database as db
where db.datname = current_database()
"""
# That of a database is the first school's.
SEARCH_PATH = """
select substr(setting, length('search_path=') + 1)
from pg_catalog.pg_db_role_setting as stored
cross join lateral unnest(stored.setconfig) as setting
where stored.setdatabase = (select db.oid from pg_catalog.pg_database as db where db.datname = current_database())
    and stored.setrole = 0
    and setting like 'search_path=%'
"""
PROVIDERS = {"i": ("icu", "icu_locale"), "b": ("builtin", "builtin_locale")}
END_SESSIONS = """
select pg_terminate_backend(activity.pid)
from pg_catalog.pg_stat_activity as activity
where activity.datname = %s and activity.pid <> pg_backend_pid()
"""
ERASED = "select user_id from lockstep.erasures where user_id <> all(%s) order by user_id"


class BackupError(Exception):
    """A backup cannot be made, or is not what it says it is, or cannot be restored; nothing was overwritten."""


class Line(NamedTuple):
    """A line of a report: pass, warn or fail."""

    status: str
    name: str
    detail: str

    @classmethod
    def of(cls, name: str, problems: list[str], otherwise: str) -> "Line":
        """Fail with the first problems, or pass."""
        more = f", and {len(problems) - 5} more" if len(problems) > 5 else ""
        return cls("fail", name, "; ".join(problems[:5]) + more) if problems else cls("pass", name, otherwise)

    def __str__(self) -> str:
        return f"{self.status:<5} {self.name:<40} {self.detail}".rstrip()


@dataclass(frozen=True)
class Contents:
    """What a database holds, in one snapshot.

    migration  the newest one applied; 0: none
    tables     rows of each, and the sum of a hash of each row's text
    guards     those that are not as installed, as "kind: name: status"
    desync     pairs out of step; None before the view was there
    report     deployment_report(): the status of each check
    """

    migration: str
    tables: dict[str, dict[str, Any]]
    guards: list[str]
    desync: int | None
    report: dict[str, str]

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(int(table["rows"]) for table in self.tables.values())


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself; times are UTC, in ISO 8601; sizes in bytes.

    schema       the school's
    search_path  of the database; None where it had none, and of a backup that is older than this
    """

    format: int
    database: str
    taken_at: str
    size: int
    sha256: str
    server: str
    major: int
    tool: str
    roles: dict[str, bool]
    locale: dict[str, str | None]
    contents: Contents
    schema: str = DEFAULT
    search_path: str | None = None

    @property
    def age(self) -> float:
        """Hours since its snapshot."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.taken_at)).total_seconds() / 3600

    @classmethod
    def read(cls, dump: Path) -> "Manifest":
        """Read the manifest of a dump. Raises BackupError where there is none, or it is none."""
        try:
            found = json.loads(manifest_of(dump).read_text("utf-8"))
            if found["format"] != FORMAT:
                raise BackupError(f"{manifest_of(dump)} has format {found['format']}: another release made it")
            return cls(**{**found, "contents": Contents(**found["contents"])})
        except FileNotFoundError:
            raise BackupError(f"there is no {manifest_of(dump)}: the backup was never finished") from None
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError(f"{manifest_of(dump)} is no manifest: {error!r}") from error


FORMAT = 1


def manifest_of(dump: Path) -> Path:
    """Where the manifest of a dump is."""
    return dump.with_suffix(".json")


def is_installed(connection: db.Connection) -> bool:
    """Whether there is anything of ours in this database."""
    return connection.execute("select to_regclass('lockstep.loaded_sources')").fetchone() != (None,)


def inspect(connection: db.Connection) -> Contents:
    """Count and add up what a database holds; in the caller's transaction, whose settings it changes."""
    for setting, text in TEXT_SETTINGS.items():
        connection.execute("select set_config(%s, %s, true)", [setting, text])
    tables = {}
    for (name,) in connection.execute(TABLES).fetchall():
        row = connection.execute(sql.SQL(SUM).format(sql.Identifier(name))).fetchone()
        assert row is not None
        tables[name] = {"rows": row[0], "sum": row[1]}

    def ask(needed: str, query: str) -> list[Any]:
        there = connection.execute(
            f"select coalesce(to_regclass('{needed}')::oid, to_regproc('{needed}')::oid)".encode()
        )
        return connection.execute(query.encode()).fetchall() if there.fetchone() != (None,) else []

    desync = ask("lockstep.desync", DESYNC)
    return Contents(
        migration=connection.execute(VERSION).fetchall()[0][0],
        tables=tables,
        guards=[guard for (guard,) in ask("lockstep.guard_status", BROKEN)],
        desync=desync[0][0] if desync else None,
        report=dict(ask("lockstep.deployment_report", REPORT)),
    )


def create(
    dsn: str,
    folder: Path,
    keep: int,
    say: Callable[[str], None],
    pgbin: Path | None = None,
    pinned: frozenset[str] = frozenset(),
    schema: str = DEFAULT,
) -> Path:
    """Back a school up into a folder, and return the dump once it is whole and has its manifest.

    Nobody migrates it meanwhile; who reads and writes goes on. The newest `keep` of this school stay, and those
    whose names are pinned. Raises BackupError, MigrationError, psycopg.Error.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Migrator(dsn, schema=schema, say=say).hold(), db.connect(dsn, schema, APPLICATION) as connection:
        if not is_installed(connection):
            raise BackupError(f"{schema} is not installed there: nothing to back up")
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("select pg_export_snapshot(), now(), current_setting('server_version')").fetchone()
        assert row is not None
        snapshot, taken_at, server = row
        name = f"{_prefix(connection.info.dbname, schema)}{taken_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        unfinished = folder / f"{name}.unfinished"
        say(f"backing up {schema} of {connection.info.dbname} to {folder}")
        roles: dict[str, bool] = dict(connection.execute(ROLES).fetchall())
        with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            (locale,) = cursor.execute(LOCALE).fetchall()
        search_path = [path for (path,) in connection.execute(SEARCH_PATH.encode()).fetchall()]
        major = connection.info.server_version // 10000
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        try:
            options = ("--format=custom", f"--schema={schema}", f"--snapshot={snapshot}")
            run_tool(
                "pg_dump",
                major,
                dsn,
                *options,
                f"--lock-wait-timeout={LOCK_WAIT}s",
                f"--file={unfinished}",
                pgbin=pgbin,
            )
            manifest = Manifest(
                format=FORMAT,
                database=connection.info.dbname,
                taken_at=taken_at.astimezone(UTC).isoformat(),
                size=unfinished.stat().st_size,
                sha256=_sha256(unfinished),
                server=server,
                major=major,
                tool=str(tool("pg_dump", major, pgbin)),
                roles=roles,
                locale=locale,
                contents=inspect(connection),
                schema=schema,
                search_path=next(iter(search_path), None),
            )
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    dump = _free_name(folder, name)
    unfinished.rename(dump)
    write(manifest_of(dump), json.dumps(asdict(manifest), indent=2) + "\n")
    _prune(folder, manifest, keep, pinned | {dump.name})
    return dump


def listed(folder: Path) -> list[tuple[Path, Manifest]]:
    """The finished backups of a folder, oldest first; what is none is left out."""
    found = []
    for dump in folder.glob("*.dump"):
        with suppress(BackupError):
            found.append((dump, Manifest.read(dump)))
    return sorted(found, key=lambda one: (one[1].taken_at, one[0].name))


def newest(folder: Path, database: str, schema: str = DEFAULT) -> Line:
    """How old the newest backup of a school is; a warning after DAILY hours."""
    ours = [one for one in listed(folder) if (one[1].database, one[1].schema) == (database, schema)]
    if not ours:
        return Line("warn", "newest backup", f"none in {folder}: make backup")
    dump, manifest = ours[-1]
    return Line(
        "warn" if manifest.age > DAILY else "pass", "newest backup", f"{dump.name}, {manifest.age:.1f} hours old"
    )


def check(dump: Path) -> Manifest:
    """Compare a dump with its manifest. Raises BackupError for one that is cut off, or altered, or unfinished."""
    manifest = Manifest.read(dump)
    try:
        size = dump.stat().st_size
    except FileNotFoundError:
        raise BackupError(f"there is no {dump}") from None
    if size != manifest.size:
        raise BackupError(f"{dump} has {size} bytes, and its manifest says {manifest.size}: it is cut off, or another")
    if _sha256(dump) != manifest.sha256:
        raise BackupError(f"{dump} is not what was written: its SHA-256 is another than its manifest says")
    return manifest


def load(dump: Path, dsn: str, into: str, say: Callable[[str], None], pgbin: Path | None = None) -> list[Line]:
    """Restore a backup into a database that is made now, put the guards right, and compare it with the manifest.

    dsn   of any database of the server
    Returns what was found, a line a check. Raises BackupError; the database is dropped then.
    """
    manifest = check(dump)
    with db.connect(server_dsn(dsn)) as connection:
        major = connection.info.server_version // 10000
        if major < manifest.major:
            raise BackupError(
                f"{dump} is of PostgreSQL {manifest.major}, this server is version {major}: use a newer one"
            )
        _make_roles(connection, manifest, say)
        _make_database(connection, into, manifest.locale)
        target = make_conninfo(dsn, dbname=into)
        try:
            options = ("--exit-on-error", f"--jobs={JOBS}", "--no-password", str(dump))
            if manifest.contents.desync:
                run_tool("pg_restore", major, target, "--section=pre-data", "--section=data", *options, pgbin=pgbin)
                _finish_out_of_step(major, target, dump, manifest.schema, say, pgbin)
            else:
                run_tool("pg_restore", major, target, *options, pgbin=pgbin)
            _set_search_path(target, into, manifest.search_path)
            Migrator(target, schema=manifest.schema, say=say).rearm()
            return compare(target, manifest)
        except BaseException:
            drop(connection, into)
            raise


def _finish_out_of_step(
    major: int, dsn: str, dump: Path, schema: str, say: Callable[[str], None], pgbin: Path | None
) -> None:
    """Make what comes after the rows where pairs are out of step: their keys not validated, as no server makes them.

    The keys then hold for all that is written from now on; the sentinel names them until they are validated.
    """
    try:
        run_tool("pg_restore", major, dsn, "--section=post-data", "--no-password", str(dump), pgbin=pgbin)
    except BackupError as error:
        say(str(error))
    with db.connect(dsn, schema) as connection:
        for name, definition in connection.execute(MISSING_KEYS).fetchall():
            key, _, table = name.partition(" on ")
            say(f"made without looking at the rows that are there: {key}")
            statement = sql.SQL("alter table {} add constraint {} " + definition + " not valid")
            connection.execute(statement.format(sql.Identifier(schema, table), sql.Identifier(key)))


def compare(dsn: str, manifest: Manifest) -> list[Line]:
    """Compare a database with what a backup says was in it."""
    with db.connect(dsn, manifest.schema, APPLICATION) as connection:
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = inspect(connection)
    told = manifest.contents
    other = [
        f"{name}: {_told(found.tables.get(name))}, not {_told(told.tables.get(name))}"
        for name in sorted(told.tables.keys() | found.tables.keys())
        if found.tables.get(name) != told.tables.get(name)
    ]
    guards = [f"{guard} (only now)" for guard in found.guards if guard not in told.guards]
    guards += [f"{guard} (only then)" for guard in told.guards if guard not in found.guards]
    report = [
        f"{name}: {found.report.get(name)}, not {told.report.get(name)}"
        for name in told.report.keys() | found.report.keys()
        if found.report.get(name) != told.report.get(name)
    ]
    return [
        Line.of("migration", [found.migration] if found.migration != told.migration else [], found.migration),
        Line.of("rows and sums", other, f"{counted(len(found.tables), 'table')}, {counted(found.rows, 'row')}"),
        Line.of("guards as they were", guards, f"{len(found.guards)} not as installed, then and now"),
        Line.of(
            "desync as it was",
            [f"{found.desync}, not {told.desync}"] if found.desync != told.desync else [],
            f"{counted(found.desync or 0, 'pair')} out of step",
        ),
        Line.of("deployment report as it was", report, f"{counted(len(found.report), 'check')}"),
    ]


@contextmanager
def scratch(dsn: str) -> Iterator[str]:
    """Name a database beside this one that is not there, and drop it at the end.

    For whoever deploys, so there is one of this name at a time: what a killed one left is dropped first.
    """
    name = f"lockstep_proof_{hashlib.sha256(database_of(dsn).encode()).hexdigest()[:8]}"
    with db.connect(server_dsn(dsn)) as connection:
        drop(connection, name)
        try:
            yield name
        finally:
            drop(connection, name)


def restore(
    dump: Path, dsn: str, into: str, replace: bool, say: Callable[[str], None], pgbin: Path | None = None
) -> list[Line]:
    """Restore a backup as a database of this name; one that is there is kept under another name, or refused.

    With `replace` the backup is restored beside it and compared first; only then its sessions are ended and both are
    renamed. Raises BackupError where it is there and not to be replaced, or holds other schools, or the backup is not
    whole.
    """
    manifest = check(dump)
    with db.connect(server_dsn(dsn)) as connection:
        exists = connection.execute("select from pg_database where datname = %s", [into]).rowcount == 1
        if not exists:
            return load(dump, dsn, into, say, pgbin)
        if not replace:
            raise BackupError(f"there is a database {into}: name another, or say that it is to be replaced")
        if others := [name for name in schools.names(make_conninfo(dsn, dbname=into)) if name != manifest.schema]:
            raise BackupError(
                f"{into} holds other schools, which would be gone: {', '.join(others)}; restore into another database,"
                f" and flask school move {manifest.schema} from there once it is dropped here"
            )
        beside = f"lockstep_restored_{os.getpid()}"
        lines = load(dump, dsn, beside, say, pgbin)
        if any(line.status == "fail" for line in lines):
            say(f"{into} is as it was; what was restored stays as {beside}")
            return lines
        aside = f"{into[:40]}_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        lines += _erased_since(dsn, into, beside, manifest.schema)
        connection.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(into)))
        try:
            _wait_for_the_end_of_sessions(connection, into)
            with connection.transaction():
                for old, new in ((into, aside), (beside, into)):
                    names = sql.Identifier(old), sql.Identifier(new)
                    connection.execute(sql.SQL("alter database {} rename to {}").format(*names))
        finally:
            kept = aside if connection.execute("select from pg_database where datname = %s", [aside]).rowcount else into
            connection.execute(sql.SQL("alter database {} with allow_connections true").format(sql.Identifier(kept)))
    return [*lines, Line("pass", "the database of before", f"is kept as {aside}: drop it when nobody misses it")]


# Programs -------------------------------------------------------------------------------------


def tool(name: str, major: int, pgbin: Path | None = None) -> Path:
    """Find pg_dump or pg_restore of this major version: LOCKSTEP_PGBIN's, the wheel's, Debian's, or the path's.

    An older one cannot read the server, and what a newer one writes (`set transaction_timeout`) the server may not
    know. Raises BackupError where there is none.
    """
    folders = [pgbin] if pgbin else []
    with suppress(PostgresError):
        folders.append(wheel_pgbin())
    folders.append(Path(DEBIAN.format(major)))
    if on_path := shutil.which(name):
        folders.append(Path(on_path).parent)
    for folder in folders:
        program = folder / name
        if os.access(program, os.X_OK):
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
            if re.search(rf"\) {major}\b", said):
                return program
    raise BackupError(
        f"there is no {name} of PostgreSQL {major}, the server's version: set LOCKSTEP_PGBIN to its folder"
    )


def run_tool(name: str, major: int, dsn: str, *arguments: str, pgbin: Path | None = None) -> None:
    """Run it on a database; the password goes by the environment, which other users cannot read."""
    target = conninfo_to_dict(dsn)
    environment = {**os.environ, "PGPASSWORD": str(target.pop("password", os.environ.get("PGPASSWORD", "")))}
    command = [str(tool(name, major, pgbin)), f"--dbname={make_conninfo('', **target)}", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise BackupError(f"{name}: {done.stderr.strip() or done.returncode}")


# Small things ---------------------------------------------------------------------------------


def database_of(dsn: str) -> str:
    """The name of the database that a DSN leads to, named in it or not."""
    with db.connect(dsn) as connection:
        return str(connection.info.dbname)


def server_dsn(dsn: str) -> str:
    """Where databases are made and dropped: also when ours is gone."""
    return make_conninfo(dsn, dbname="postgres")


def drop(connection: db.Connection, name: str) -> None:
    """Drop a database with its sessions."""
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def write(path: Path, text: str) -> None:
    """Write a file that only we can read: whole, or not at all, also if the machine goes down."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _prefix(database: str, schema: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", database) + ("-" if schema == DEFAULT else f"-{schema}-")


def _free_name(folder: Path, name: str) -> Path:
    """A name that no backup has; two may be of the same second."""
    number, dump = 1, folder / f"{name}.dump"
    while dump.exists() or manifest_of(dump).exists():
        number += 1
        dump = folder / f"{name}-{number}.dump"
    return dump


def _prune(folder: Path, newest: Manifest, keep: int, pinned: frozenset[str]) -> None:
    """Remove the oldest backups of a school beyond `keep`, and what a killed one left a day ago."""
    school = newest.database, newest.schema
    ours = [dump for dump, manifest in listed(folder) if (manifest.database, manifest.schema) == school]
    for dump in ours[: max(0, len(ours) - keep)]:
        if dump.name not in pinned:
            dump.unlink(missing_ok=True)
            manifest_of(dump).unlink(missing_ok=True)
    for left in folder.glob(f"{_prefix(*school)}*.unfinished"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            left.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _told(table: dict[str, Any] | None) -> str:
    return f"{counted(table['rows'], 'row')}, sum {table['sum']}" if table else "not there"


def _make_roles(connection: db.Connection, manifest: Manifest, say: Callable[[str], None]) -> None:
    """Make our own roles where the server does not have them; they cannot log in, and have no password."""
    there = {name for (name,) in connection.execute("select rolname from pg_roles").fetchall()}
    missing = {name: ours for name, ours in manifest.roles.items() if name not in there}
    if others := [name for name, ours in missing.items() if not ours]:
        raise BackupError(
            f"the backup names roles that this server does not have, make them first: {', '.join(others)}"
        )
    for name in missing:
        say(f"making the role {name}")
        db.make_role(connection, name)


def _make_database(connection: db.Connection, name: str, locale: dict[str, str | None]) -> None:
    """Make an empty database that sorts as the one that was backed up."""
    words = [sql.SQL("create database {} template template0").format(sql.Identifier(name))]
    for option in ("encoding", "lc_collate", "lc_ctype"):
        words.append(sql.SQL(option + " {}").format(locale[option]))
    if locale["provider"] in PROVIDERS:
        provider, option = PROVIDERS[locale["provider"]]
        words.append(sql.SQL(f"locale_provider {provider} {option} {{}}").format(locale["locale"]))
    try:
        connection.execute(sql.SQL(" ").join(words))
    except psycopg.errors.DuplicateDatabase:
        raise BackupError(f"there is a database {name}: name another") from None


def _set_search_path(dsn: str, name: str, path: str | None) -> None:
    """Give the database the search_path of the one that was backed up, be it another school's."""
    if path is not None:
        with db.connect(dsn) as connection:
            connection.execute("select set_config('search_path', %s, false)", [path])
            statement = sql.SQL("alter database {} set search_path from current")
            connection.execute(statement.format(sql.Identifier(name)))


def _erased_since(dsn: str, now: str, then: str, schema: str) -> list[Line]:
    """Name the people who were erased after the backup was made: it knows them again."""
    where = (make_conninfo(dsn, dbname=name) for name in (now, then))
    with db.connect(next(where), schema) as current, db.connect(next(where), schema) as restored:
        if current.execute("select to_regclass('lockstep.erasures')").fetchone() == (None,):
            return []
        known = [user for (user,) in restored.execute("select user_id from lockstep.erasures").fetchall()]
        erased = [str(user) for (user,) in current.execute(ERASED, [known]).fetchall()]
    if not erased:
        return [Line("pass", "nobody was erased since", "")]
    return [Line("warn", "erased since, and known again", f"erase again: {', '.join(erased)}")]


def _wait_for_the_end_of_sessions(connection: db.Connection, name: str) -> None:
    deadline = time.monotonic() + 30
    while connection.execute(END_SESSIONS, [name]).rowcount:
        if time.monotonic() > deadline:
            raise BackupError(f"sessions of {name} do not end; it is as it was")
        time.sleep(0.05)
