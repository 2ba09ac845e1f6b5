"""Pools of connections, and one transaction a request: who is calling, the call, its rows.

Two pools, because a role that a transaction takes can be put down again by injected SQL: what is for
admins only logs in as another role. Every transaction takes its role and its timeouts by itself and
leaves nothing behind in the session, so PgBouncer may stand between in transaction mode.

A third pool, where there is a replica: routes that only read ask it first. See app.http.replica.
"""

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import psycopg
from flask import Flask, current_app, g
from psycopg import errors
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from app import db
from app.db import Row
from app.http import access, replica
from app.http.pool import BoundedPool
from app.http.problems import ProblemError
from app.http.replica import Replica
from app.schema import DEFAULT
from app.settings import PoolSettings, Settings

log = logging.getLogger(__name__)

# What a transaction may take, in PostgreSQL's own notation. lock_timeout holds until it is known who is calling: then
# the setting lock_budget does.
TIMEOUTS = {
    "statement_timeout": "10s",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "5s",
}

# Seconds for which a call that lost a race is repeated, and the first pause between two attempts.
RETRY_BUDGET = 2.0
RETRY_PAUSE = 0.01
RETRIED = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    # A deployment gave a table another column: the row that comes back is not as planned, or as prepared.
    errors.DatatypeMismatch,
    errors.FeatureNotSupported,
)

# Classes of SQLSTATE that end a connection: the server goes, or is gone.
LOST = ("08", "57P")

# Seconds after which an attempt to connect is given up; whoever waits then begins another.
RECONNECT = 10.0

BEGIN = "select " + ", ".join(f"set_config(%s, %s, true) as c{n}" for n in range(1 + len(TIMEOUTS)))
BEGIN_ON_REPLICA = f"{BEGIN}, pg_is_in_recovery() as is_replica, pg_last_wal_replay_lsn()::text as replayed"


class Options(NamedTuple):
    """How a call is made: as the first of its idempotency key, or for show only; seconds it waits for a connection.

    binary: its row holds a file
    line: who may make it, and as which role, where that is not what the line of the route says
    """

    key: str | None = None
    dry_run: bool = False
    wait: float | None = None
    binary: bool = False
    line: access.Access | None = None


PLAIN = Options()


class Database:
    """The pools of one process. They are opened by the first call, so after a fork."""

    def __init__(
        self,
        dsn: str,
        admin_dsn: str,
        settings: PoolSettings,
        read_dsn: str | None = None,
        read_lag: float = 1.0,
        schema: str = DEFAULT,
    ) -> None:
        self.schema = schema
        self.pools = {
            "app": _pool("app", dsn, settings.size, settings, schema),
            "admin": _pool("admin", admin_dsn, settings.admin_size, settings, schema),
        }
        self.replica: Replica | None = None
        if read_dsn:
            self.pools["read"] = _pool("read", read_dsn, settings.size, settings, schema, **replica.SILENCE)
            self.replica = Replica(self.pools["read"], self.pools["app"], read_lag)

    def open(self) -> None:
        """Open the pools; a second time changes nothing."""
        for pool in self.pools.values():
            pool.open()

    def close(self) -> None:
        """Close the connections."""
        for pool in self.pools.values():
            pool.close()

    def call(self, function: str, options: Options = PLAIN, /, **arguments: object) -> Row:
        """Call a function that returns one row; see rows()."""
        (row,) = self.rows(function, options, **arguments)
        return row

    def rows(self, function: str, options: Options = PLAIN, /, **arguments: object) -> list[Row]:
        """Call a function of the schema by named arguments (p_ is put before); return its rows.

        One transaction, as the role of the route and for the person who is calling. A race that was
        lost (40001, 40P01, 55P03) is run again for up to RETRY_BUDGET seconds.
        Raises psycopg.Error; app.http.problems says what it means.
        """

        def work(call: _Call) -> list[Row]:
            return call.once(function, options.key, arguments) if options.key else call(function, arguments)

        return self._persist(work, options, arguments)

    def read(self, view: str, *order: str, limit: int | None = None, options: Options = PLAIN) -> list[Row]:
        """Read a view of the schema by these columns (`-name`: nulls and the largest first), as rows() calls."""
        return self._persist(lambda call: call.read(view, order, limit), options, {})

    def _persist(
        self, work: "Callable[[_Call], list[Row]]", options: Options, arguments: dict[str, object]
    ) -> list[Row]:
        route = options.line or access.access()
        pool = self.pools["admin" if route.pool == "admin" else "app"]
        pool.open()
        g.db_role = f"{self.schema}_{route.pool}"
        # A dry run writes, before it takes it back.
        if self.replica and access.only_reads() and not (options.dry_run or options.line):
            reading = self.replica
            reading.pool.open()
            patient = options._replace(wait=replica.PATIENCE)
            read = reading.read(
                _people(arguments), lambda: self._transact(reading.pool, route, work, patient, arguments)
            )
            if read is not None:
                return read
        return _persistently(
            lambda: self._transact(pool, route, work, options, arguments),
            lambda waited: self._note_breach(pool, route, arguments, waited),
        )

    def _transact(
        self,
        pool: BoundedPool,
        route: access.Access,
        work: "Callable[[_Call], list[Row]]",
        options: Options,
        arguments: dict[str, object],
    ) -> list[Row]:
        on_replica = self.replica if self.replica and pool is self.replica.pool else None
        with _taken(pool, options.wait) as connection:
            committing = False
            try:
                with (
                    connection.transaction(force_rollback=options.dry_run),
                    connection.cursor(row_factory=dict_row, binary=options.binary) as cursor,
                ):
                    call = _Call(cursor, f"{self.schema}_{route.pool}", on_replica)
                    if route.roles:
                        call.authenticate(access.actor(), route)
                    rows = work(call)
                    if options.dry_run:
                        # What would be refused at the commit is refused now.
                        cursor.execute("set constraints all immediate")
                    committing = not options.dry_run
            except psycopg.Error as error:
                # A pooler says more than the server did, before it closes; psycopg has no code for that.
                lost = (error.sqlstate or "").startswith(LOST) or (committing and not error.sqlstate)
                if connection.closed or lost:
                    g.sqlstate = error.sqlstate
                    raise ProblemError("outcome_unknown" if committing else "database_unavailable") from error
                raise
            if self.replica and access.changes() and not options.dry_run:
                self.replica.note(connection, _people(arguments))
        return rows

    def _note_breach(
        self, pool: BoundedPool, route: access.Access, arguments: dict[str, object], waited: float
    ) -> None:
        """Write down who holds the pair that was waited for. Where that fails, the log has it and the call goes on."""
        pair = {name: arguments.get(name) for name in ("user_id", "specialization_id")}
        if None in pair.values():
            return
        try:
            with (
                _taken(pool, None) as connection,
                connection.transaction(),
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                breach = {**pair, "source": "http", "waited": timedelta(seconds=waited)}
                _Call(cursor, f"{self.schema}_{route.pool}")("note_lock_breach", breach)
        except (psycopg.Error, PoolTimeout, ProblemError):
            log.warning("a breach of the lock budget was not recorded", exc_info=True, extra={"fields": pair})


class _Call:
    """Statements of one transaction."""

    def __init__(self, cursor: psycopg.Cursor[Row], role: str, on_replica: Replica | None = None) -> None:
        self.cursor = cursor
        self.role = role
        values = [part for setting in {"role": role, **TIMEOUTS}.items() for part in setting]
        cursor.execute(BEGIN_ON_REPLICA if on_replica else BEGIN, values)
        if on_replica:
            (row,) = cursor.fetchall()
            on_replica.check(row["is_replica"], row["replayed"])

    def __call__(self, function: str, arguments: dict[str, object]) -> list[Row]:
        self._execute("select * from {}({})", function, arguments)
        return self.cursor.fetchall()

    def read(self, view: str, order: tuple[str, ...], limit: int | None) -> list[Row]:
        self.cursor.execute(db.selection(view, *order), {"limit": limit})
        return self.cursor.fetchall()

    def _execute(self, form: str, function: str, arguments: dict[str, object]) -> None:
        self.cursor.execute(
            db.statement(form, function, *arguments),
            {name: db.parameter(value) for name, value in arguments.items()},
        )

    def authenticate(self, actor: access.Actor, route: access.Access) -> None:
        """Ask whether this person may do it still; from then on the setting lock_budget holds."""
        person = {"user_id": actor.id, "session_id": actor.session_id, "roles": sorted(route.roles)}
        form = "select set_config('lock_timeout', lockstep.lock_budget(), true) from {}({})"
        self._execute(form, "authenticate", person)

    def once(self, function: str, key: str, arguments: dict[str, object]) -> list[Row]:
        """Answer a repeated request with the rows of the first; keys are per actor."""
        actor = access.actor()
        claim = {"user_id": actor.id, "key": key}
        stored = self._as_auth(
            "claim_idempotency_key",
            {**claim, "function_name": f"http {function}", "arguments": Jsonb(_fingerprint(arguments))},
        )
        if stored is not None:
            g.replayed = True
            rows: list[Row] = stored
            return rows
        rows = self(function, arguments)
        self._as_auth("store_answer", {**claim, "answer": Jsonb(rows, dumps=_dumps)})
        return rows

    def _as_auth(self, function: str, arguments: dict[str, object]) -> Any:
        """Keys are kept by a role of their own, or an application could forge an answer."""
        self.cursor.execute("select set_config('role', 'lockstep_auth', true)")
        (row,) = self(function, arguments)
        self.cursor.execute("select set_config('role', %s, true)", [self.role])
        return row[function]


def init_app(app: Flask, settings: Settings) -> None:
    """Keep the pools with the application; without DSNs there are none, and only commands run."""
    if settings.http_dsn and settings.http_admin_dsn:
        app.extensions["lockstep.database"] = Database(
            settings.http_dsn,
            settings.http_admin_dsn,
            settings.pools,
            settings.read_dsn,
            settings.read_lag,
            settings.schema,
        )


def database() -> Database:
    """The pools of this process. Raises ProblemError where it was told of no database."""
    pools: Database | None = current_app.extensions.get("lockstep.database")
    if pools is None:
        raise ProblemError("database_unavailable", "LOCKSTEP_HTTP_DSN and LOCKSTEP_HTTP_ADMIN_DSN are not set")
    return pools


def _people(arguments: dict[str, object]) -> set[int]:
    """Who is calling, and whom the call names."""
    caller: access.Actor | None = g.get("actor")
    named = arguments.get("user_id")
    return ({caller.id} if caller else set()) | ({named} if isinstance(named, int) else set())


def _pool(
    name: str, dsn: str, size: tuple[int, int], settings: PoolSettings, schema: str, **options: object
) -> BoundedPool:
    return BoundedPool(
        dsn,
        kwargs={
            "autocommit": True,
            "application_name": "lockstep-http",
            "prepare_threshold": settings.prepare,
            **options,
            "cursor_factory": db.cursor_of(schema),
        },
        min_size=size[0],
        max_size=size[1],
        waiting=settings.waiting,
        timeout=settings.timeout,
        max_idle=settings.max_idle,
        max_lifetime=settings.lifetime,
        reconnect_timeout=RECONNECT,
        check=BoundedPool.check_connection,
        name=name,
        open=False,
    )


@contextmanager
def _taken(pool: BoundedPool, wait: float | None) -> Iterator[db.Connection]:
    """Take a connection; where none came because none could be opened, say so: the pool is not busy then."""
    failed = pool.get_stats().get("connections_errors", 0)
    try:
        connection = pool.getconn(wait)
    except PoolTimeout as error:
        if pool.get_stats().get("connections_errors", 0) > failed:
            raise ProblemError("database_unavailable") from error
        raise
    try:
        yield connection
    finally:
        pool.putconn(connection)


def _persistently(attempt: Callable[[], list[Row]], breach: Callable[[float], None]) -> list[Row]:
    """Repeat what lost a race, after pauses that grow and differ; tell `breach` of the first lock out of time."""
    end, pause = time.monotonic() + RETRY_BUDGET, RETRY_PAUSE
    waited_for_lock = False
    while True:
        started = time.monotonic()
        try:
            return attempt()
        except RETRIED as error:
            if isinstance(error, errors.LockNotAvailable) and not waited_for_lock:
                waited_for_lock = True
                breach(time.monotonic() - started)
            g.retries = g.get("retries", 0) + 1
            pause = min(pause * 2, RETRY_BUDGET / 4)
            if time.monotonic() + pause > end:
                raise
            time.sleep(random.uniform(pause / 2, pause))


def _fingerprint(arguments: dict[str, object]) -> dict[str, str]:
    """What tells two requests apart; hashes of secrets differ at every request, and are left out."""
    told = {name: value for name, value in arguments.items() if not name.endswith("_hash")}
    return {"sha256": hashlib.sha256(_dumps(told).encode()).hexdigest()}


def _dumps(value: object) -> str:
    return json.dumps(value, default=_plain, sort_keys=True)


def _plain(value: object) -> str:
    """What JSON has no form for; of a file its hash tells as much."""
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)
