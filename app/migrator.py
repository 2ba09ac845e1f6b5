"""Migrations: pairs of plain SQL files in sql/migrations, each applied once, in order.

The machinery is yoyo's; Backend mends what yoyo leaves open, and docs/decisions/0002-migrations.md
says what and why. Functions and views are no migrations: app/loader.py puts them in.

The migrator's lock belongs to its session: connect to PostgreSQL itself, not to a pooler.
"""

import glob
import hashlib
import logging
import os
import re
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from yoyo import internalmigrations, read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration, parse_metadata_from_sql_comments, read_sql_migration

from app.loader import Loader, MigrationError, Source, read_sources
from app.schema import DEFAULT, check_name
from app.settings import PROJECT

__all__ = ["DriftError", "LockTimeoutError", "MigrationError", "Migrator", "OldTablesError", "Status", "dump"]

logger = logging.getLogger(__name__)

LOCK_TIMEOUT = 60.0  # seconds that one migrator waits for another
LOCK_POLL = 0.1  # seconds between two tries

# What a migration or a load waits for a table in use, unless the connection says otherwise: whoever comes to that
# table meanwhile waits behind it. Shorter than deadlock_timeout, so that live traffic is never the victim.
TABLE_TIMEOUT = "500ms"
BUSY_LIMIT = 60.0  # seconds for which it is tried again
BUSY_PAUSE = 0.25, 4.0  # seconds before the first of these tries, and at most
BUSY = (errors.LockNotAvailable, errors.DeadlockDetected)

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

CLOSED = "select true from pg_catalog.pg_trigger where tgrelid = to_regclass(%s) and tgname = 'refuse_closed'"
KEYWORD = "select true from pg_catalog.pg_get_keywords() where word = %s and catcode <> 'U'"


class DriftError(MigrationError):
    """An applied migration is not as it was applied: its files were edited, or are gone."""


class LockTimeoutError(MigrationError):
    """Another migrator holds the lock."""


class OldTablesError(MigrationError):
    """The tables of an older system stand in public: they are taken over, or left alone, on purpose."""


@dataclass(frozen=True)
class Status:
    """A migration: when it was applied (UTC), and what is wrong with its files since then."""

    id: str
    applied_at: datetime | None
    problem: str | None

    @property
    def pending(self) -> bool:
        """Whether migrate() would apply it."""
        return self.applied_at is None


@dataclass(frozen=True)
class Applied:
    """What the database remembers of an applied migration."""

    at: datetime
    checksums: tuple[str, str]


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's, with one transaction a migration, checksums, and a lock that dies with its holder."""

    log_table = "schema_migration_log"
    version_table = "schema_migration_format"

    def __init__(self, dsn: str, schema: str, say: Callable[[str], None]) -> None:
        self.schema, self.say = schema, say
        super().__init__(dsn, "schema_migrations")
        self.loader = Loader(self.connection, schema, say)

    def connect(self, dsn: str) -> psycopg.Connection[Any]:
        """Open the one connection that everything goes through."""
        connection = psycopg.connect(
            dsn,
            autocommit=True,
            client_encoding="utf8",
            fallback_application_name="lockstep migrator",
        )
        connection.add_notice_handler(self._pass_on)
        # Of a client that was killed the server ends the statement, and with it the lock.
        with suppress(errors.InvalidParameterValue):  # not on every platform
            connection.execute("set client_connection_check_interval = '1s'")
        # Rows in quarantine are compared with those that stand: a time has to read the same, whoever goes back.
        connection.execute("set timezone = 'UTC'")
        return connection

    def init_connection(self, connection: psycopg.Connection[Any]) -> None:
        """Have yoyo's statements, which name no schema, find its tables."""
        connection.execute(sql.SQL("set search_path = {}, public").format(sql.Identifier(self.schema)))

    def transaction(self, rollback_on_exit: bool = False) -> AbstractContextManager[Any]:
        """psycopg's, which does not hide an error behind that of its own ROLLBACK."""
        connection: psycopg.Connection[Any] = self.connection
        return connection.transaction(force_rollback=rollback_on_exit)

    def list_tables(self, **_: object) -> list[str]:
        """What yoyo looks at to know the version of its tables."""
        rows = self.connection.execute("select tablename from pg_tables where schemaname = %s", [self.schema])
        return [row[0] for row in rows]

    @contextmanager
    def lock(self, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """Be the only migrator of this schema, or raise LockTimeoutError.

        Polls: a session that waits inside pg_advisory_lock() holds a snapshot, and a `create index
        concurrently` of the migrator it waits for would wait for that in turn.
        """
        name = f"lockstep migrator {self.connection.info.dbname} {self.schema}"
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        deadline = time.monotonic() + timeout
        waiting = False
        while not self._value("select pg_try_advisory_lock(%s)", key):
            holder = self._value(LOCK_HOLDER, key)
            if not waiting:
                self.say(f"waiting for another migrator: server process {holder}")
                waiting = True
            if time.monotonic() >= deadline:
                raise LockTimeoutError(
                    f"after {timeout:g} s another migrator is still at work: server process"
                    f" {holder}; to end it: select pg_terminate_backend({holder})"
                )
            time.sleep(LOCK_POLL)
        yield
        self._value("select pg_advisory_unlock(%s)", key)  # after an error closing does it

    def bootstrap(self) -> None:
        """Make the schema and the migrator's own tables, unless they are there."""
        if not self.is_bootstrapped():
            with self.transaction():
                if self._value("select to_regnamespace(%s)", self.schema) is None:
                    if self._value(KEYWORD, self.schema):
                        raise MigrationError(f"not a name for a schema: {self.schema} is a word of SQL")
                    self.loader.run("migrator", "create schema lockstep")
                internalmigrations.upgrade(self)
                self.run_file(PROJECT / "sql" / "migrator" / "bookkeeping.sql")
        self._internal_schema_updated = True

    def refuse_old_tables(self) -> None:
        """Raise OldTablesError where public holds the tables that an installation beside them would hide."""
        if not self.is_bootstrapped() and (old := self.loader.run_own("old_tables")):
            raise OldTablesError(
                f"public holds the tables of an older system: {', '.join(name for _, name, _ in old)};"
                " flask --app app db take-over --dry-run says what becomes of them,"
                " flask --app app db migrate --beside leaves them where they are"
            )

    def is_bootstrapped(self) -> bool:
        """Whether bootstrap() has nothing to do."""
        return self._value("select to_regclass(%s)", f"{self.schema}.loaded_sources") is not None

    def refuse_closed(self) -> None:
        """Raise MigrationError where the school has moved away: it stays as it was then."""
        if self._value(CLOSED, f"{self.schema}.users"):
            raise MigrationError(f"{self.schema} is closed to writing: see `flask school list`")

    def applied(self) -> dict[str, Applied]:
        """The applied migrations, oldest first."""
        rows = self.connection.execute(
            "select migration_id, applied_at_utc, apply_sha256, rollback_sha256"
            ' from schema_migrations order by migration_id collate "C"'
        )
        return {id: Applied(at.replace(tzinfo=UTC), (up, down)) for id, at, up, down in rows}

    def version(self) -> str:
        """The newest applied migration; 0 where there is none."""
        return max(self.applied(), default="0")

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:
        """Apply, mark, checksum and log one migration: together, or not at all."""
        self.say(f"applying {migration.id}")
        path = files(migration)[0]
        broken = self.loader.broken_guards()
        if not is_transactional(migration):
            self._run_statements(path)
        self.between_traffic(lambda: self._apply(migration, path, broken))

    def _apply(self, migration: Migration, path: Path, broken: list[str] | None) -> None:
        with self.transaction():
            self.give_way()
            if is_transactional(migration):
                self.run_file(path)
            self.mark_one(migration)
            self.log_migration(migration, "apply")
            self.loader.refresh_plans()
            self.loader.set_owners()
            self.loader.record_guards(broken)

    def rollback_one(self, migration: Migration, force: bool = False) -> None:
        """Undo one migration: functions and views go first, those of the version below come back.

        Together, or not at all.
        """
        self.say(f"rolling back {migration.id}")
        path = files(migration)[1]
        broken = self.loader.broken_guards()
        if not is_transactional(migration):
            with self.transaction():
                self.loader.drop_undefined()
            self._run_statements(path)
        self.between_traffic(lambda: self._roll_back(migration, path, broken))

    def _roll_back(self, migration: Migration, path: Path, broken: list[str] | None) -> None:
        with self.transaction():
            self.give_way()
            self.loader.lock_everything()
            if is_transactional(migration):
                self.loader.drop_undefined()
                self.run_file(path)
            self.unmark_one(migration, log=False)
            self.log_migration(migration, "rollback")
            self.connection.execute("delete from loaded_sources where version = %s", [migration.id])
            version = self.version()
            sources = self.loader.stored(version)
            self.loader.put_in(sources, version, broken)
        self.say(f"at {version}: loaded again, as there before: {len(sources) or 'nothing'}")

    def give_way(self) -> None:
        """In this transaction, wait for tables in use for a moment only; a setting of the connection's stands."""
        self.connection.execute(
            "select set_config('lock_timeout', %s, true) where current_setting('lock_timeout') = '0'", [TABLE_TIMEOUT]
        )

    def between_traffic(self, attempt: Callable[[], None]) -> None:
        """Make an attempt again that met a table in use: between two, whoever waited behind it has gone on.

        Raises MigrationError where it does not come through in BUSY_LIMIT.
        """
        deadline, (pause, longest) = time.monotonic() + BUSY_LIMIT, BUSY_PAUSE
        while True:
            try:
                return attempt()
            except (MigrationError, *BUSY) as error:
                cause = error if isinstance(error, BUSY) else error.__cause__
                if not isinstance(cause, BUSY) or time.monotonic() + pause > deadline:
                    raise
                self.say(f"a table is in use, trying again: {str(cause).splitlines()[0]}")
            time.sleep(pause)
            pause = min(2 * pause, longest)

    def mark_one(self, migration: Migration, log: bool = False) -> None:
        """Remember that it is applied, and its files as they are now."""
        self.connection.execute(
            "insert into schema_migrations"
            " (migration_hash, migration_id, applied_at_utc, apply_sha256, rollback_sha256)"
            " values (%s, %s, now() at time zone 'utc', %s, %s)",
            [migration.hash, migration.id, *checksums(migration)],
        )

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        """As yoyo's, but asks neither the operating system for a user nor DNS for a name."""
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration and migration.id,
            "migration_hash": migration and migration.hash,
            "username": self._value("select session_user"),
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }

    def run_file(self, path: Path) -> None:
        """Run one of sql/migrations in the transaction there is."""
        self.loader.run(path.name, path.read_text("utf-8"))
        # What it deferred is checked now: a table with checks pending cannot be altered any more.
        self.connection.execute("set constraints all immediate")

    def _run_statements(self, path: Path) -> None:
        """One by one, in no transaction; split by yoyo, which does not know $$: no bodies here."""
        for statement in read_sql_migration(str(path))[2]:
            self.loader.run(path.name, statement)

    def _value(self, query: str, *values: object) -> Any:
        row = self.connection.execute(query, values).fetchone()
        return row and row[0]

    def _pass_on(self, notice: errors.Diagnostic) -> None:
        """RAISE speaks to people; `already exists, skipping` and its like do not."""
        if notice.source_function == "exec_stmt_raise":
            self.say(f"{notice.severity}: {notice.message_primary}")


class Migrator:
    """What the commands call; `say` is told each step, and what migrations report with RAISE.

    `beside`: install even where public holds the tables of an older system.

    Raises MigrationError and its kinds; psycopg.Error where there is no server, or no right.
    """

    def __init__(
        self,
        dsn: str,
        root: Path = PROJECT / "sql",
        schema: str = DEFAULT,
        say: Callable[[str], None] = logger.info,
        lock_timeout: float = LOCK_TIMEOUT,
        beside: bool = False,
    ) -> None:
        try:
            check_name(schema)
        except ValueError as error:
            raise MigrationError(str(error)) from error
        self.dsn, self.root, self.schema = dsn, root, schema
        self.say, self.lock_timeout, self.beside = say, lock_timeout, beside

    def migrate(self, target: str | None = None) -> list[str]:
        """Apply what is pending, up to and including target: an id or its number. Return the ids."""
        migrations = self.migrations()
        last = self.head() if target is None else find(target, list(migrations))
        with self._locked() as backend:
            applied = backend.applied()
            refuse_drift(migrations, applied)
            pending = [id for id in migrations if id not in applied and id <= last]
            if pending and pending[0] < backend.version():
                raise MigrationError(f"{pending[0]} is pending, {backend.version()} is applied")
            for id in pending:
                backend.apply_one(migrations[id])
        return pending

    def rollback(self, target: str | None = None) -> list[str]:
        """Go down until target is the newest applied; "0": all the way. Return the ids.

        Each step is one transaction: where one fails, the version it started from stands, whole.
        """
        migrations = self.migrations()
        with self._locked() as backend:
            applied = backend.applied()
            refuse_drift(migrations, applied)
            leaving = list(applied)[-1:] if target is None else above(target, list(applied))
            for id in leaving:
                backend.rollback_one(migrations[id])
        return leaving

    def load(self) -> list[str]:
        """Load functions, triggers, policies and views in one transaction. Return their files."""
        sources = read_sources(self.root)
        self.put_back(sources)
        return [source.file for source in sources]

    def put_back(self, sources: list[Source]) -> None:
        """Load these instead of the files: what was loaded before a deployment, say."""
        with self._locked() as backend:

            def attempt() -> None:
                backend.loader.load(sources, backend.version(), backend.give_way)

            backend.between_traffic(attempt)

    def loaded(self) -> tuple[str, list[Source]]:
        """The newest applied migration, and what was loaded last at it; "0" and nothing where nothing is."""
        with Backend(self.dsn, self.schema, self.say) as backend:
            if not backend.is_bootstrapped():
                return "0", []
            version = backend.version()
            return version, backend.loader.stored(version)

    def leaving(self, target: str) -> list[str]:
        """The migrations that rollback(target) would undo, newest first. Changes nothing, waits for nobody."""
        with Backend(self.dsn, self.schema, self.say) as backend:
            applied = backend.applied() if backend.is_bootstrapped() else {}
        refuse_drift(self.migrations(), applied)
        return above(target, list(applied))

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep every migrator out for a while, and change nothing."""
        with Backend(self.dsn, self.schema, self.say) as backend, backend.lock(self.lock_timeout):
            yield

    def rearm(self) -> None:
        """Put right what a restore does not bring back: the keys' ALWAYS, the database's search_path."""
        with (
            Backend(self.dsn, self.schema, self.say) as backend,
            backend.lock(self.lock_timeout),
            backend.transaction(),
        ):
            backend.loader.rearm()

    def status(self) -> list[Status]:
        """Every migration there is, or was applied. Changes nothing, waits for nobody."""
        migrations = self.migrations()
        with Backend(self.dsn, self.schema, self.say) as backend:
            applied = backend.applied() if backend.is_bootstrapped() else {}
        return [
            Status(id, applied[id].at, problem(migrations.get(id), applied[id]))
            if id in applied
            else Status(id, None, None)
            for id in sorted(migrations.keys() | applied.keys())
        ]

    def head(self) -> str:
        """The newest migration that has files; 0 where there is none."""
        return max(self.migrations(), default="0")

    @contextmanager
    def _locked(self) -> Iterator[Backend]:
        with Backend(self.dsn, self.schema, self.say) as backend, backend.lock(self.lock_timeout):
            if not self.beside:
                backend.refuse_old_tables()
            backend.bootstrap()
            backend.refuse_closed()
            yield backend

    def migrations(self) -> dict[str, Migration]:
        """Every migration that has files, by its id, in order."""
        folder = glob.escape(str(self.root / "migrations"))
        found = {str(migration.id): migration for migration in read_migrations(folder)}
        for migration in found.values():
            if not files(migration)[1].exists():
                raise MigrationError(f"there is no {files(migration)[1].name}")
        return dict(sorted(found.items()))


def refuse_drift(migrations: dict[str, Migration], applied: dict[str, Applied]) -> None:
    """Raise DriftError where an applied migration is not as it was applied."""
    for id, was in applied.items():
        if found := problem(migrations.get(id), was):
            raise DriftError(f"{id} is applied and frozen, but its {found}")


def problem(migration: Migration | None, applied: Applied) -> str | None:
    """What is wrong with the files of an applied migration, if anything."""
    if migration is None:
        return "files are gone"
    now_and_then = zip(files(migration), checksums(migration), applied.checksums, strict=True)
    edited = [path.name for path, now, then in now_and_then if now != then]
    return f"file was edited: {', '.join(edited)}" if edited else None


def find(target: str, ids: list[str]) -> str:
    """The id that target means: itself, or its number."""
    found = [id for id in ids if target in (id, id.partition("-")[0])]
    if len(found) != 1:
        raise MigrationError(f"no migration, or several: {target}; there are: {', '.join(ids)}")
    return found[0]


def above(target: str, applied: list[str]) -> list[str]:
    """Those to undo, newest first, until target is the newest applied; "0": all."""
    first = 0 if re.fullmatch("0+", target) else applied.index(find(target, applied)) + 1
    return applied[first:][::-1]


def files(migration: Migration) -> tuple[Path, Path]:
    """The file that applies it, and the one that rolls it back."""
    path = Path(migration.path)
    return path, path.with_suffix(".rollback.sql")


def checksums(migration: Migration) -> tuple[str, str]:
    """SHA-256 of both."""
    up, down = (hashlib.sha256(path.read_bytes()).hexdigest() for path in files(migration))
    return up, down


def is_transactional(migration: Migration) -> bool:
    """False where the file's head says `-- transactional: false`: it must be re-runnable then."""
    directives = parse_metadata_from_sql_comments(files(migration)[0].read_text("utf-8"))[0]
    return bool(directives.get("transactional", "true").strip().lower() == "true")


def dump(dsn: str, pg_dump: Path | str = "pg_dump", schema: str = DEFAULT) -> str:
    """The schema as SQL, without what differs from run to run and between minor versions."""
    parts = conninfo_to_dict(dsn)
    password = str(parts.pop("password", os.environ.get("PGPASSWORD", "")))  # not for ps to see
    result = subprocess.run(
        [pg_dump, "--schema-only", f"--schema={schema}", "--dbname", make_conninfo("", **parts)],
        env=os.environ | {"PGPASSWORD": password},
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return re.sub(r"(?m)^(\\(un)?restrict|-- Dumped) .*\n", "", result.stdout)
