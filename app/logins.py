"""The two logins of the HTTP layer: they may take a role for a transaction, and have no right of their own."""

import json
import os
import secrets
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app import db
from app.schema import DEFAULT, rename

# Login, and the roles that it may take.
LOGINS = {
    "lockstep_http": ("lockstep_app", "lockstep_auth"),
    "lockstep_http_admin": ("lockstep_admin", "lockstep_auth"),
}

# For a session that forgets to set its own; each transaction of the HTTP layer does.
SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}


def ensure(dsn: str, passwords: Path, schema: str = DEFAULT) -> tuple[str, str]:
    """Make the logins of a school unless they are there; return their DSNs, for everybody and for admins.

    Passwords are random and kept in a file of this installation. A login whose password is not there
    gets a new one, so an installation that shares a server names its own DSNs instead.
    """
    known: dict[str, str] = json.loads(passwords.read_text("utf-8")) if passwords.exists() else {}
    logins = {rename(login, schema): [rename(role, schema) for role in roles] for login, roles in LOGINS.items()}
    with db.connect(dsn) as connection:
        for login, roles in logins.items():
            if login not in known or not _lets_in(dsn, login, known[login]):
                known[login] = secrets.token_urlsafe(24)
                _make(connection, login, roles, known[login])
                _keep(known, passwords)
    everybody, admins = (make_conninfo(dsn, user=login, password=known[login]) for login in logins)
    return everybody, admins


def _keep(known: dict[str, str], passwords: Path) -> None:
    """Write the file, which is whole whenever somebody reads it."""
    passwords.parent.mkdir(parents=True, exist_ok=True)
    file, name = tempfile.mkstemp(dir=passwords.parent, prefix=f"{passwords.name}.")
    with open(file, "w", encoding="utf-8") as written:
        json.dump(known, written)
    os.replace(name, passwords)


def _lets_in(dsn: str, login: str, password: str) -> bool:
    try:
        db.connect(make_conninfo(dsn, user=login, password=password)).close()
    except psycopg.OperationalError:
        return False
    return True


def _make(connection: db.Connection, login: str, roles: list[str], password: str) -> None:
    name = sql.Identifier(login)
    with connection.transaction():
        db.make_role(connection, login, login=True)
        # The password is hashed here, so that no log of statements has it.
        hashed = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
        connection.execute(sql.SQL("alter role {} password {}").format(name, hashed.decode()))
        for role in roles:
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role), name))
        for setting, value in SETTINGS.items():
            connection.execute(sql.SQL("alter role {} set {} = {}").format(name, sql.Identifier(setting), value))
