"""The application over a clone, called as the person that a test chooses.

With LOCKSTEP_TEST_PGBOUNCER set, PgBouncer stands between the two, in transaction mode.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import Jsonb
from werkzeug.test import TestResponse

from app import create_app, logins
from app.http import database as calls
from app.http import metrics, oidc, passwords, replica, service
from app.http.database import Database
from app.postgres import Server
from app.settings import PoolSettings, Settings
from tests.http import pooler as poolers
from tests.http.pooler import Pooler
from tests.support import DEADLINE, NEVER

# Small, as a test runs one request at a time unless it says otherwise; and what is open stays so.
THROUGH_POOLER = bool(os.environ.get("LOCKSTEP_TEST_PGBOUNCER"))
POOLS = PoolSettings(
    size=(0, 4), admin_size=(0, 2), timeout=DEADLINE, max_idle=3600, prepare=None if THROUGH_POOLER else 5
)

Connection = psycopg.Connection[Any]
People = dict[str, int]


USUAL_HASHER = passwords._hasher


@pytest.fixture(scope="session", autouse=True)
def hasher() -> Iterator[PasswordHasher]:
    """Hash passwords quickly; what is given is how they are hashed where it matters."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", quick)
        patch.setattr(passwords, "_NOBODYS", quick.hash("of nobody"))
        yield USUAL_HASHER


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """Let the application wait for what it would give up on a machine that stands still for seconds.

    lock_timeout stays: a test that has one session wait for another says for how long.
    """
    with pytest.MonkeyPatch.context() as patch:
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            patch.setitem(calls.TIMEOUTS, setting, NEVER)
        for module in (replica, service):
            patch.setattr(module, "PATIENCE", DEADLINE)
        patch.setattr(metrics, "NOTE_PATIENCE", DEADLINE)
        patch.setattr(oidc, "TIMEOUT", DEADLINE)
        patch.setattr(replica, "SILENCE", {})
        yield


@pytest.fixture(scope="session")
def http_logins(server: Server, template: str) -> dict[str, str]:
    """The passwords of the HTTP layer's logins on this run's server, by login."""
    passwords = server.home / "http-logins.json"
    with (server.home / "logins.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        logins.ensure(server.dsn_for("postgres"), passwords)
    found: dict[str, str] = json.loads(passwords.read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def pooler(server: Server, http_logins: dict[str, str]) -> Iterator[Pooler | None]:
    """PgBouncer, where this run goes through it."""
    if not THROUGH_POOLER:
        yield None
        return
    with poolers.pooler(server, http_logins) as pooler:
        yield pooler


def settings_for(database: str, http_logins: dict[str, str], pooler: Pooler | None, home: Path) -> Settings:
    """What an application over this database is told."""
    between = {"port": pooler.port} if pooler else {}
    login = {name: make_conninfo(database, user=name, password=word, **between) for name, word in http_logins.items()}
    return Settings(
        home=home,
        dsn=database,
        http_dsn=login["lockstep_http"],
        http_admin_dsn=login["lockstep_http_admin"],
        pools=POOLS,
        # A test that is about the end of a request's time makes it short.
        run_budget=float("inf"),
    )


@pytest.fixture
def settings(database: str, http_logins: dict[str, str], tmp_path: Path, pooler: Pooler | None) -> Iterator[Settings]:
    """What the application is told."""
    yield settings_for(database, http_logins, pooler, tmp_path)
    if pooler:
        pooler.forget(str(conninfo_to_dict(database)["dbname"]))


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application; its pools are closed at the end."""
    app = create_app(settings)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    pools: Database = app.extensions["lockstep.database"]
    pools.close()


def add_people(connection: Connection, mark: str = "") -> People:
    """Make a person of each kind, by a name; ann and bob are in Iris's group, carl is in Joe's, dora in none.

    The mark tells them from those of another call.
    """
    kinds = {"admin": "admin", "iris": "instructor", "joe": "instructor"}
    kinds |= dict.fromkeys(("ann", "bob", "carl", "dora"), "student")
    made: People = dict(
        connection.execute(
            "insert into lockstep.users (email, name, role)"
            " select format('%%s%%s@example.org', kind.key, %s::text), initcap(kind.key), kind.value"
            " from jsonb_each_text(%s) as kind returning lower(name), id",
            [mark, Jsonb(kinds)],
        ).fetchall()
    )
    for group, members in {"Red": ("iris", "ann", "bob"), "Blue": ("joe", "carl")}.items():
        connection.execute(
            "insert into lockstep.group_members (user_id, group_id)"
            " select unnest(%s::bigint[]), lockstep.get_or_create_group(%s)",
            [[made[name] for name in members], group + mark],
        )
    return made


@pytest.fixture
def people(connection: Connection) -> People:
    """A person of each kind."""
    return add_people(connection)


def token_of(app: Flask, connection: Connection, user_id: int) -> str:
    """Make an access token for somebody, as a sign-in would."""
    row = connection.execute(
        "with opened as ("
        " insert into lockstep.sessions (user_id, expires_at) values (%s, now() + interval '1 day')"
        " returning id, user_id"
        ") select opened.id, person.role from opened inner join lockstep.users as person on person.id = opened.user_id",
        [user_id],
    ).fetchone()
    assert row is not None
    issued: str = app.extensions["lockstep.tokens"].issue(user_id, *row)
    return issued


Call = Callable[..., TestResponse]


@pytest.fixture
def tokens(app: Flask, connection: Connection, people: People) -> Callable[[str], str]:
    """Make an access token for somebody, by name."""
    return lambda name: token_of(app, connection, people[name])


@pytest.fixture
def call(app: Flask, tokens: Callable[[str], str]) -> Call:
    """Make a request: call("iris", "GET", "/api/v1/…", json=…); nobody's name is nobody's token."""
    held: dict[str, str] = {}

    def call(name: str | None, method: str, path: str, **options: Any) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if name:
            held.setdefault(name, tokens(name))
            headers["Authorization"] = f"Bearer {held[name]}"
        return app.test_client().open(path, method=method, headers=headers, **options)

    return call
