"""Deployments: from a backup that is proven to restore to smoke calls, and back again.

A deployment is a row of steps, each of which may be run again; what it did stands in a ledger, one file a
deployment, beside the backups: there it outlives a rollback, a restore, and the database.
docs/decisions/0014-deployment.md says why.
"""

import gzip
import hashlib
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import backup, db
from app.backup import BackupError, Line, Manifest
from app.loader import MigrationError, Source, read_sources
from app.migrator import Migrator
from app.schema import DEFAULT
from app.settings import PROJECT, Settings
from app.words import counted

UNDER_WAY, SUCCEEDED, FAILED = "under way", "succeeded", "failed"
ROLLING_BACK, ROLLED_BACK, ABANDONED = "rolling back", "rolled back", "abandoned"

# What a step may end in, besides lines that say fail.
FAILURES = (BackupError, MigrationError, psycopg.Error, OSError)

# Deployments that the ledger keeps.
KEPT = 50

# Seconds until a service that was restarted says that it is ready, and between two questions.
READY_LIMIT = 30.0
READY_POLL = 0.5

BROKEN = "select kind || ': ' || name || ': ' || status from lockstep.guard_status where status <> 'intact' order by 1"
REPORT = "select check_name, status, detail from lockstep.deployment_report(%s)"
LOCK_HOLDER = """
select locks.pid
from pg_catalog.pg_locks as locks
inner join pg_catalog.pg_database as db on db.oid = locks.database
where locks.locktype = 'advisory'
    and locks.granted
    and locks.objsubid = 1
    and (locks.classid::bigint << 32) + locks.objid::bigint = %s
    and db.datname = current_database()
"""
SPECIALIZATION = """
select one.id, least(2, one.max_levels) from lockstep.specializations as one
where one.is_active and one.max_levels > 0
order by one.id limit 1
"""
SMOKE_USER = "insert into lockstep.users (email, name) values (%s, 'Deployment check') returning id"
COLUMNS = """
select class.relname, att.attname
from pg_catalog.pg_class as class
inner join pg_catalog.pg_attribute as att on att.attrelid = class.oid
where class.relnamespace = 'lockstep'::regnamespace
    and class.relkind = 'r'
    and att.attnum > 0
    and not att.attisdropped
"""
# What the migrator has to know to go down in a copy that has no other rows.
BOOKKEEPING = {"schema_migrations", "schema_migration_format", "schema_migration_log", "loaded_sources", "settings"}
SETTINGS = "select name from lockstep.settings"
HAS_SETTINGS = "select to_regclass('lockstep.settings') is not null"


class DeployError(Exception):
    """A deployment, or a rollback, cannot begin; nothing was changed."""


@dataclass
class Deployment:
    """What the ledger says of one; times are UTC, in ISO 8601.

    before  the newest migration when it began; what was loaded then stands in a file of its own
    backup  the path of its dump; None where nothing was installed
    schema  the school's
    lines   of its report, by step, of the last attempt at each
    passed  steps that need no second attempt
    """

    id: str
    database: str
    host: str
    status: str
    before: str
    head: str
    backup: str | None = None
    started_at: str = ""
    finished_at: str | None = None
    passed: list[str] = field(default_factory=list)
    lines: dict[str, list[list[str]]] = field(default_factory=dict)
    schema: str = DEFAULT


class Ledger:
    """The deployments of a school of one installation, a file each."""

    def __init__(self, folder: Path, schema: str = DEFAULT) -> None:
        self.folder, self.schema = folder / "deployments", schema

    def all(self, database: str) -> list[Deployment]:
        """Those of a database, oldest first."""
        found = (json.loads(path.read_text("utf-8")) for path in sorted(self.folder.glob("*.json")))
        ours = database, self.schema
        return [Deployment(**one) for one in found if (one["database"], one.get("schema", DEFAULT)) == ours]

    def newest(self, database: str) -> Deployment | None:
        """The newest one that stands."""
        standing = self.standing(database)
        return standing[-1] if standing else None

    def standing(self, database: str) -> list[Deployment]:
        """Those that were neither rolled back nor given up before they had changed anything."""
        return [one for one in self.all(database) if one.status not in (ROLLED_BACK, ABANDONED)]

    def write(self, deployment: Deployment) -> None:
        """Write it down, whole, before anything else happens."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        backup.write(self.folder / f"{deployment.id}.json", json.dumps(asdict(deployment), indent=2) + "\n")

    def keep_sources(self, deployment: Deployment, sources: list[Source]) -> None:
        """Keep what was loaded before a deployment."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        packed = gzip.compress(json.dumps([asdict(source) for source in sources]).encode(), mtime=0)
        self._sources(deployment).write_bytes(packed)

    def sources(self, deployment: Deployment) -> list[Source]:
        """What was loaded before it."""
        return [Source(**one) for one in json.loads(gzip.decompress(self._sources(deployment).read_bytes()))]

    def pinned(self, database: str) -> frozenset[str]:
        """The backups that a rollback may still want: of the newest deployment that stands."""
        newest = self.newest(database)
        return frozenset([Path(newest.backup).name]) if newest and newest.backup else frozenset()

    def prune(self, database: str) -> None:
        """Forget the oldest."""
        for old in self.all(database)[:-KEPT]:
            self._sources(old).unlink(missing_ok=True)
            (self.folder / f"{old.id}.json").unlink(missing_ok=True)

    def _sources(self, deployment: Deployment) -> Path:
        return self.folder / f"{deployment.id}.sources.gz"


class Deployer:
    """Deploys to one school and rolls back; `tell` gets each line of the report, `say` what is being done."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        tell: Callable[[Line], None],
        say: Callable[[str], None],
        root: Path = PROJECT / "sql",
        schema: str = DEFAULT,
    ) -> None:
        self.dsn, self.settings, self.tell, self.say, self.schema = dsn, settings, tell, say, schema
        self.migrator = Migrator(dsn, root, schema, say)
        self.database = backup.database_of(dsn)
        self.ledger = Ledger(settings.backups, schema)
        self.sources = read_sources(root)

    # Going up -----------------------------------------------------------------------------------

    def deploy(self, chosen: Path | None = None) -> Deployment:
        """Deploy this release, or go on with a deployment that failed or was killed. Its status says how it went.

        chosen  the backup to deploy on, instead of one that is made now
        Raises DeployError where another deployment is at work, or a rollback has to be finished first.
        """
        with only_one(self.dsn):
            deployment = self._begin(chosen)
            steps: dict[str, Callable[[], list[Line]]] = {
                "backup": lambda: self._back_up(deployment, chosen),
                "proof": lambda: self._prove(deployment),
                "migrate": self._migrate,
                "functions": self._load,
                "guards": lambda: check_guards(self.dsn, self.schema),
                "report": lambda: self._report(self.migrator.head()),
                "smoke": lambda: [*smoke(self.dsn, self.schema), *ready(self.settings.backup.url)],
            }
            for name, step in steps.items():
                if name in deployment.passed:
                    self.say(f"{name}: done before")
                elif not self._run(deployment, name, step):
                    break
            failed = any(status == "fail" for lines in deployment.lines.values() for status, _, _ in lines)
            deployment.status = FAILED if failed else SUCCEEDED
            deployment.finished_at = _now()
            self.ledger.write(deployment)
            self.ledger.prune(self.database)
        return deployment

    def _begin(self, chosen: Path | None) -> Deployment:
        """Go on with the last one where it left something half done; otherwise begin another."""
        version, sources = self.migrator.loaded()
        last = self.ledger.newest(self.database)
        if last and last.status == ROLLING_BACK:
            raise DeployError(f"a rollback of {last.id} was not finished: make rollback TO={last.id}")
        if last and last.status in (UNDER_WAY, FAILED):
            untouched = version == last.before and sources == self.ledger.sources(last)
            usable = last.backup is None or self._is_fresh(self.settings.backups / last.backup)
            if not untouched or ("proof" in last.passed and usable and chosen is None):
                self.say(f"going on with the deployment {last.id}")
                last.status, last.head, last.finished_at = UNDER_WAY, self.migrator.head(), None
                last.lines = {name: lines for name, lines in last.lines.items() if name in last.passed}
                self.ledger.write(last)
                return last
            last.status = ABANDONED
            self.ledger.write(last)
        started = datetime.now(UTC)
        deployment = Deployment(
            id=f"{started:%Y%m%dT%H%M%S.%fZ}",
            database=self.database,
            host=f"{socket.gethostname()} {os.getpid()}",
            status=UNDER_WAY,
            before=version,
            head=self.migrator.head(),
            started_at=started.isoformat(),
            schema=self.schema,
        )
        self.ledger.keep_sources(deployment, sources)
        self.ledger.write(deployment)
        return deployment

    def _is_fresh(self, dump: Path) -> bool:
        try:
            return Manifest.read(dump).age <= self.settings.backup.max_age
        except BackupError:
            return False

    def _run(self, deployment: Deployment, name: str, step: Callable[[], list[Line]]) -> bool:
        try:
            lines = step()
        except FAILURES as error:
            lines = [Line("fail", name, _sentence(error))]
        deployment.lines[name] = [list(line) for line in lines]
        passed = all(line.status != "fail" for line in lines)
        # The others are quick, and may have another outcome the next time.
        if passed and name in ("backup", "proof"):
            deployment.passed.append(name)
        self.ledger.write(deployment)
        for line in lines:
            self.tell(line)
        return passed

    def _back_up(self, deployment: Deployment, chosen: Path | None) -> list[Line]:
        if deployment.before == "0":
            return [Line("pass", "backup", "nothing is installed there: nothing to lose")]
        settings = self.settings
        dump = chosen or backup.create(
            self.dsn,
            settings.backups,
            settings.backup.keep,
            self.say,
            settings.pgbin,
            self.ledger.pinned(self.database),
            self.schema,
        )
        manifest = backup.check(dump)
        problems = []
        if manifest.age > settings.backup.max_age:
            problems.append(f"{dump.name} is {manifest.age:.1f} hours old, {settings.backup.max_age:g} are allowed")
        if (manifest.database, manifest.schema) != (self.database, self.schema):
            problems.append(f"{dump.name} is of {manifest.schema} in the database {manifest.database}")
        if manifest.contents.migration != deployment.before:
            problems.append(f"{dump.name} is at {manifest.contents.migration}, the database at {deployment.before}")
        if manifest.contents.desync:
            problems.append(f"{counted(manifest.contents.desync, 'pair')} out of step: make reconcile, then deploy")
        deployment.backup = str(dump)
        rows = counted(manifest.contents.rows, "row")
        size = f"{manifest.size / 1e6:.1f} MB, {rows}, {manifest.age * 60:.0f} min old"
        return [Line.of("backup", problems, f"{dump.name}: {size}")]

    def _prove(self, deployment: Deployment) -> list[Line]:
        """Restore the backup, and compare it with its manifest."""
        if deployment.backup is None:
            return []
        with backup.scratch(self.dsn) as name:
            self.say(f"restoring the backup as {name}")
            lines = backup.load(Path(deployment.backup), self.dsn, name, self.say, self.settings.pgbin)
        return [Line(line.status, f"restored: {line.name}", line.detail) for line in lines]

    def _migrate(self) -> list[Line]:
        applied = self.migrator.migrate()
        return [Line("pass", "migrate", ", ".join(applied) or f"nothing pending, at {self.migrator.head()}")]

    def _load(self) -> list[Line]:
        self.migrator.put_back(self.sources)
        return [Line("pass", "functions", f"{len(self.sources)} functions and views, in one transaction")]

    def _report(self, head: str) -> list[Line]:
        return [*report(self.dsn, head, self.schema), check_release(self.migrator, self.sources)]

    # Going back ---------------------------------------------------------------------------------

    def plan_rollback(self, to: str | None) -> "Rollback":
        """Find out what a rollback would do, on a copy without rows; the database itself is only read.

        to  a deployment: as it was before that one; a migration: to stay at; None: as before the newest deployment
        Raises DeployError where there is no such thing.
        """
        standing = self.ledger.standing(self.database)
        named = [one for one in standing if one.id == to] if to else standing[-1:]
        if not to and not named:
            raise DeployError("the ledger has no deployment that stands; name a migration: make rollback TO=…")
        version, loaded = self.migrator.loaded()
        if named:
            (deployment,) = named
            plan = Rollback(deployment.before, self.ledger.sources(deployment))
            plan.undone = [one for one in standing if one.id >= deployment.id]
        else:
            leaving = self.migrator.leaving(str(to))
            kept = [id for id in self._applied() if id not in leaving]
            plan = Rollback(max(kept, default="0"), self._stored(max(kept, default="0")))
            plan.undone = [one for one in standing if one.head > plan.target]
        if plan.target == "0" and not to:
            raise DeployError(
                "what is left to undo is the installation itself: no table would stay;"
                " if that is meant: make rollback TO=0"
            )
        if plan.target != "0" and not plan.sources:
            raise DeployError(
                f"nothing was ever loaded at {plan.target}: it would have tables without functions and guards;"
                " name a migration that a release stood at, or restore a backup"
            )
        plan.leaving = self.migrator.leaving(plan.target)
        plan.version = version
        plan.restart = self.migrator.head()
        with only_one(self.dsn):
            self._find_losses(plan, loaded)
        return plan

    def roll_back(self, plan: "Rollback") -> list[Line]:
        """Do it, verify what is there then, and return the report. Interrupted, it is to be called again.

        Each migration goes in one transaction, with the functions of the version below.
        """
        with only_one(self.dsn):
            for one in plan.undone:
                one.status = ROLLING_BACK
                self.ledger.write(one)
            lines = []
            try:
                gone = self.migrator.rollback(plan.target)
                lines.append(Line("pass", "migrations", ", ".join(gone) or f"none to roll back, at {plan.target}"))
                if plan.target != "0":
                    self.migrator.put_back(plan.sources)
                    lines.append(Line("pass", "functions", f"{len(plan.sources)} functions and views of before"))
                    lines += check_guards(self.dsn, self.schema)
                    lines += [*report(self.dsn, plan.target, self.schema), *smoke(self.dsn, self.schema)]
            except FAILURES as error:
                lines.append(Line("fail", "rollback", f"{_sentence(error)}; at {self.migrator.loaded()[0]}, whole"))
            else:
                for one in plan.undone:
                    one.status, one.finished_at = ROLLED_BACK, _now()
                    self.ledger.write(one)
        for line in lines:
            self.tell(line)
        return lines

    def _applied(self) -> list[str]:
        return [one.id for one in self.migrator.status() if not one.pending]

    def _stored(self, version: str) -> list[Source]:
        with db.connect(self.dsn, self.schema) as connection:
            rows = connection.execute(
                "select kind, name, source from lockstep.loaded_sources where version = %s order by position", [version]
            )
            return [Source(*row) for row in rows]

    def _find_losses(self, plan: "Rollback", loaded: list[Source]) -> None:
        """Roll back a copy of the schema, compare, and count in the database what has no place there any more."""
        with backup.scratch(self.dsn) as name, db.connect(self.dsn, self.schema) as connection:
            before = set(connection.execute(COLUMNS).fetchall())
            settings = _settings(connection)
            copy = make_conninfo(self.dsn, dbname=name)
            self.say(f"rolling back a copy without rows, {name}")
            self._copy_schema(copy, {table for table, _ in before} - BOOKKEEPING)
            migrator = Migrator(copy, self.migrator.root, self.schema, say=lambda _: None)
            migrator.rollback(plan.target)
            if plan.target != "0":
                migrator.put_back(plan.sources)
            with db.connect(copy, self.schema) as after:
                lost = before - set(after.execute(COLUMNS).fetchall())
                plan.settings = sorted(settings - _settings(after)) if ("settings", "name") not in lost else []
            for table in sorted({table for table, _ in lost}):
                columns = sorted(column for owner, column in lost if owner == table)
                if len(columns) == sum(owner == table for owner, _ in before):
                    plan.tables[table] = _count(connection, table)
                else:
                    plan.columns |= {f"{table}.{column}": _count(connection, table, column) for column in columns}
            now, then = ({source.file: source.text for source in sources} for sources in (loaded, plan.sources))
            plan.functions = sorted(file for file in now | then if now.get(file) != then.get(file))
            plan.since = self._written_since(connection, plan)

    def _copy_schema(self, copy: str, without: set[str]) -> None:
        dump = self.settings.backups / f".schema-{os.getpid()}"
        dump.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = [f"--exclude-table-data={self.schema}.{table}" for table in sorted(without)]
        name = sql.Identifier(str(conninfo_to_dict(copy)["dbname"]))
        try:
            os.close(os.open(dump, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            pgbin = self.settings.pgbin
            options += ["--format=custom", f"--schema={self.schema}", f"--file={dump}"]
            with db.connect(self.dsn) as connection:
                connection.execute(sql.SQL("create database {} template template0").format(name))
                major = connection.info.server_version // 10000
            backup.run_tool("pg_dump", major, self.dsn, *options, pgbin=pgbin)
            backup.run_tool("pg_restore", major, copy, "--exit-on-error", str(dump), pgbin=pgbin)
        finally:
            dump.unlink(missing_ok=True)

    def _written_since(self, connection: db.Connection, plan: "Rollback") -> dict[str, int]:
        """How many rows more each table has than the backup that the other road would restore."""
        for one in plan.undone:
            if one.backup and Path(one.backup).exists():
                plan.backup = Path(one.backup)
                told = Manifest.read(plan.backup).contents.tables
                tables = {table for table, _ in connection.execute(COLUMNS).fetchall()} - BOOKKEEPING
                now = {table: _count(connection, table) for table in tables}
                return {table: count - told.get(table, {"rows": 0})["rows"] for table, count in sorted(now.items())}
        return {}


@dataclass
class Rollback:
    """What a rollback would do.

    target     the migration to stay at; "0": none
    sources    what is loaded there
    leaving    the migrations that are undone, newest first
    undone     the deployments that are undone
    tables     that go, with the rows in them; columns likewise, with the values in them; settings by name
    functions  files of functions and views that are other ones, or go, or come back
    backup     of before; since: by table, how many rows more there are than in it
    version    the newest migration now
    restart    the newest migration of the release whose program is running this
    """

    target: str
    sources: list[Source]
    leaving: list[str] = field(default_factory=list)
    undone: list[Deployment] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    settings: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    backup: Path | None = None
    since: dict[str, int] = field(default_factory=dict)
    version: str = "0"
    restart: str = "0"

    def lines(self) -> Iterator[str]:
        """Say it, to whoever has to agree."""
        yield f"from {self.version} to {self.target}"
        yield f"migrations undone     {', '.join(self.leaving) or 'none'}"
        shown = ", ".join(self.functions[:8]) + (", …" if len(self.functions) > 8 else "")
        yield f"functions of before   {len(self.functions)} of them are other ones{': ' + shown if shown else ''}"
        yield "does not come back:"
        for table, rows in self.tables.items():
            yield f"  the table {table}, with {counted(rows, 'row')}"
        for column, values in self.columns.items():
            yield f"  the column {column}, with {counted(values, 'value')}"
        for setting in self.settings:
            yield f"  the setting {setting}"
        if not (self.tables or self.columns or self.settings):
            yield "  nothing: no table, column or setting goes"
        yield "stays: every other row, those written since too"
        if self.backup:
            changed = [f"{table} {count:+}" for table, count in self.since.items() if count]
            yield f"the other road: make restore FILE={self.backup}"
            yield f"  it loses what was written since; rows by table: {', '.join(changed) or 'none more or fewer'}"


# Checks -----------------------------------------------------------------------------------------


def report(dsn: str, head: str, schema: str = DEFAULT) -> list[Line]:
    """deployment_report(), as lines; a warning where this version has none."""
    with db.connect(dsn, schema) as connection:
        if connection.execute("select to_regproc('lockstep.deployment_report')").fetchone() == (None,):
            return [Line("warn", "deployment report", "there is none at this version")]
        return [
            Line(status, name, detail or "") for name, status, detail in connection.execute(REPORT, [head]).fetchall()
        ]


def check_release(migrator: Migrator, sources: list[Source]) -> Line:
    """Whether what is loaded is what the files of this release say."""
    _, loaded = migrator.loaded()
    then, now = ({source.file: source.text for source in some} for some in (loaded, sources))
    other = sorted(file for file in then | now if then.get(file) != now.get(file))
    return Line.of("functions of this release", other, f"{len(now)} loaded")


def check_guards(dsn: str, schema: str = DEFAULT) -> list[Line]:
    """Whether every guard is as installed."""
    with db.connect(dsn, schema) as connection:
        if connection.execute("select to_regclass('lockstep.guard_status')").fetchone() == (None,):
            return [Line("warn", "guards", "there is no sentinel at this version")]
        broken = [guard for (guard,) in connection.execute(BROKEN).fetchall()]
    return [Line.of("guards", broken, "all as installed")]


def smoke(dsn: str, schema: str = DEFAULT) -> list[Line]:
    """Level somebody up in a transaction that is rolled back, and ask for health."""
    with db.connect(dsn, schema) as connection:
        if connection.execute("select to_regproc('lockstep.update_level')").fetchone() == (None,):
            return [Line("warn", "coupled call", "there are no functions at this version")]
        email = f"deployment-{os.getpid()}@lockstep.invalid"
        with connection.transaction(force_rollback=True):
            chosen = connection.execute(SPECIALIZATION).fetchone()
            if chosen is None:
                return [Line("fail", "coupled call", "there is no active specialization with levels")]
            row = connection.execute(SMOKE_USER, [email]).fetchone()
            assert row is not None
            pair = {"user_id": row[0], "specialization_id": chosen[0]}
            db.call(connection, "level_up", **pair, xp_gained=1, sessions_completed=1, reason="Deployment check")
            db.call(connection, "update_level", **pair, new_level=chosen[1], reason="Deployment check")
            # What a commit would refuse is refused now.
            connection.execute("set constraints all immediate")
            state = db.call(connection, "validate_consistency", **pair)
        levels = (state["progress_level"], state["license_level"])
        left = connection.execute("select from lockstep.users where email = %s", [email]).rowcount
        problems = [f"levels {levels}, not {chosen[1]}"] if levels != (chosen[1], chosen[1]) else []
        problems += ["its user is still there"] if left else []
        lines = [Line.of("coupled call", problems, f"{chosen[0]} level {chosen[1]} on both sides, rolled back")]
        if connection.execute("select to_regclass('lockstep.health')").fetchone() != (None,):
            (health,) = connection.execute("select status, requires_attention, message from lockstep.health").fetchall()
            detail = " ".join(filter(None, (health[0], health[2])))
            lines.append(Line("warn" if health[1] else "pass", "health", detail))
    return lines


def ready(url: str | None) -> list[Line]:
    """Ask the service whether it is ready, until it is or READY_LIMIT is over."""
    if url is None:
        return []
    deadline, answer = time.monotonic() + READY_LIMIT, ""
    while True:
        try:
            with urllib.request.urlopen(f"{url.rstrip('/')}/readyz", timeout=5) as reply:
                return [Line("pass", "service ready", f"{url} {reply.status}")]
        except urllib.error.HTTPError as error:
            with error:
                answer = f"{error.code} {error.read(500).decode(errors='replace')}"
        except (OSError, ValueError) as error:
            answer = str(error)
        if time.monotonic() + READY_POLL > deadline:
            return [Line("fail", "service ready", f"{url}/readyz: {answer}")]
        time.sleep(READY_POLL)


@contextmanager
def only_one(dsn: str) -> Iterator[None]:
    """Be the only one who deploys to this database, or rolls back. Raises DeployError; a killed one holds nothing."""
    with db.connect(dsn) as connection:
        name = f"lockstep deployment {connection.info.dbname}"
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        if connection.execute("select pg_try_advisory_lock(%s)", [key]).fetchone() == (False,):
            holder = connection.execute(LOCK_HOLDER, [key]).fetchone()
            raise DeployError(f"another deployment is at work: server process {holder[0] if holder else 'gone by now'}")
        try:
            yield
        finally:
            # It goes with the session, too; but the server may see late that this one is over, and the next is refused.
            with suppress(psycopg.Error):
                connection.execute("select pg_advisory_unlock(%s)", [key])


# Small things -----------------------------------------------------------------------------------


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split()) or repr(error)


def _count(connection: db.Connection, table: str, column: str | None = None) -> int:
    """Rows of a table, or values of a column that are not null."""
    what = sql.SQL("count({})").format(sql.Identifier(column)) if column else sql.SQL("count(*)")
    row: Any = connection.execute(
        sql.SQL("select {} from {}").format(what, sql.Identifier("lockstep", table))
    ).fetchone()
    return int(row[0])


def _settings(connection: db.Connection) -> set[str]:
    if connection.execute(HAS_SETTINGS).fetchone() != (True,):
        return set()
    return {name for (name,) in connection.execute(SETTINGS).fetchall()}
