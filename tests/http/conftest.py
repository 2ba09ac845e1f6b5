"""The application over a clone, called as the person that a test chooses."""

import fcntl
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import make_conninfo
from werkzeug.test import TestResponse

from app import create_app, logins
from app.http.database import Database
from app.postgres import Server
from app.settings import PoolSettings, Settings

# Small, and quick to give up: a test runs one request at a time unless it says otherwise.
POOLS = PoolSettings(size=(0, 4), admin_size=(0, 2), timeout=2.0)

Connection = psycopg.Connection[Any]
People = dict[str, int]


@pytest.fixture(scope="session")
def http_logins(server: Server, template: str) -> dict[str, str]:
    """The passwords of the HTTP layer's logins on this run's server, by login."""
    passwords = server.home / "http-logins.json"
    with (server.home / "logins.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        logins.ensure(server.dsn_for("postgres"), passwords)
    found: dict[str, str] = json.loads(passwords.read_text("utf-8"))
    return found


@pytest.fixture
def settings(database: str, http_logins: dict[str, str], tmp_path: Path) -> Settings:
    """What the application is told."""
    login = {name: make_conninfo(database, user=name, password=word) for name, word in http_logins.items()}
    return Settings(
        home=tmp_path,
        dsn=database,
        http_dsn=login["lockstep_http"],
        http_admin_dsn=login["lockstep_http_admin"],
        pools=POOLS,
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application; its pools are closed at the end."""
    app = create_app(settings)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    pools: Database = app.extensions["lockstep.database"]
    pools.close()


@pytest.fixture
def people(connection: Connection) -> People:
    """A person of each kind, by a name; ann and bob are in Iris's group, carl is in Joe's, dora in none."""
    kinds = {"admin": "admin", "iris": "instructor", "joe": "instructor"}
    kinds |= dict.fromkeys(("ann", "bob", "carl", "dora"), "student")
    made: People = {}
    for name, role in kinds.items():
        row = connection.execute(
            "insert into lockstep.users (email, name, role) values (%s, %s, %s) returning id",
            [f"{name}@example.org", name.title(), role],
        ).fetchone()
        assert row is not None
        made[name] = row[0]
    for group, members in {"Red": ("iris", "ann", "bob"), "Blue": ("joe", "carl")}.items():
        connection.execute(
            "insert into lockstep.group_members (user_id, group_id)"
            " select unnest(%s::bigint[]), lockstep.get_or_create_group(%s)",
            [[made[name] for name in members], group],
        )
    return made


Call = Callable[..., TestResponse]


@pytest.fixture
def tokens(app: Flask, connection: Connection, people: People) -> Callable[[str], str]:
    """Make an access token for somebody, as a sign-in would."""

    def token(name: str) -> str:
        row = connection.execute(
            "insert into lockstep.sessions (user_id, expires_at) values (%s, now() + interval '1 day')"
            " returning id, (select role from lockstep.users where id = user_id)",
            [people[name]],
        ).fetchone()
        assert row is not None
        issued: str = app.extensions["lockstep.tokens"].issue(people[name], *row)
        return issued

    return token


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
