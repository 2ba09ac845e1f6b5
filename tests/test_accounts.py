"""The commands for accounts and keys, and the admin that the first run lets in."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result

from app import create_app
from app.accounts import ensure_admin
from app.http import passwords
from app.settings import Settings
from tests.pairs import Connect, one, rows, value
from tests.support import wait_until_blocked

Connection = psycopg.Connection[Any]


def auth(dsn: str | None, *command: str, home: Path | None = None, typed: str | None = None) -> Result:
    settings = Settings(dsn=dsn, home=home) if home else Settings(dsn=dsn)
    return create_app(settings).test_cli_runner().invoke(args=["auth", *command], input=typed)


def stored(connection: Connection, email: str) -> str:
    query = "select password_hash from lockstep.credentials inner join lockstep.users on id = user_id where email = %s"
    return str(value(connection, query, email))


def add(connection: Connection, email: str, role: str = "admin", active: bool = True) -> None:
    connection.execute("insert into lockstep.users (email, role, is_active) values (%s, %s, %s)", [email, role, active])


def test_the_first_run_gives_the_first_admin_a_password_once(database: str, connection: Connection) -> None:
    add(connection, "gone@example.org", active=False)
    for email in ("first@example.org", "second@example.org"):
        add(connection, email)
    made = ensure_admin(database)
    assert made is not None
    assert made[0] == "first@example.org"
    assert passwords.is_right(made[1], stored(connection, made[0]))
    assert ensure_admin(database) is None
    assert value(connection, "select count(*) from lockstep.credentials") == 1


def test_where_there_is_no_admin_one_is_made(database: str, connection: Connection) -> None:
    add(connection, "student@example.org", "student")
    made = ensure_admin(database)
    assert made is not None
    assert one(connection, "select email, role from lockstep.users order by id desc limit 1") == (made[0], "admin")
    assert ensure_admin(database) is None


def test_if_the_only_admin_with_a_password_is_shut_out_another_gets_one(database: str, connection: Connection) -> None:
    add(connection, "first@example.org")
    ensure_admin(database)
    connection.execute("update lockstep.users set is_active = false")
    add(connection, "second@example.org")
    made = ensure_admin(database)
    assert made is not None
    assert made[0] == "second@example.org"


def test_of_two_first_runs_at_once_one_gets_the_password(
    database: str, connect: Connect, connection: Connection
) -> None:
    add(connection, "first@example.org")
    first, second = connect(autocommit=False), connect()
    ensure = "select (lockstep.ensure_admin('a@localhost', %s)).email"
    assert value(first, ensure, "$argon2id$one") == "first@example.org"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(value, second, ensure, "$argon2id$two")
        wait_until_blocked(connection, second.info.backend_pid, by=first.info.backend_pid)
        first.commit()
        assert waiting.result() is None
    assert stored(connection, "first@example.org") == "$argon2id$one"


def test_create_admin_prints_a_password_that_is_theirs(database: str, connection: Connection) -> None:
    result = auth(database, "create-admin", "boss@example.org")
    assert result.exit_code == 0, result.output
    email, password = result.stdout.splitlines()
    assert passwords.is_right(password, stored(connection, email))
    assert value(connection, "select role from lockstep.users") == "admin"
    again = auth(database, "create-admin", "Boss@example.org")
    assert again.exit_code == 1
    assert "Traceback" not in again.output
    assert len(rows(connection, "select from lockstep.users")) == 1


def test_set_password_asks_for_it_twice_and_ends_the_sessions(database: str, connection: Connection) -> None:
    add(connection, "boss@example.org")
    connection.execute(
        "insert into lockstep.sessions (user_id, expires_at) select id, now() + interval '1 day' from lockstep.users"
    )
    typed = "correct horse battery\n" * 2
    result = auth(database, "set-password", "boss@example.org", typed=typed)
    assert result.exit_code == 0, result.output
    assert "horse" not in result.output
    assert passwords.is_right("correct horse battery", stored(connection, "boss@example.org"))
    assert value(connection, "select end_reason from lockstep.sessions") == "password_changed"
    invented = auth(database, "set-password", "--random", "boss@example.org").stdout.strip()
    assert passwords.is_right(invented, stored(connection, "boss@example.org"))


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [(["nobody@example.org"], "correct horse battery\n" * 2), (["boss@example.org"], "short\n" * 2)],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    database: str, connection: Connection, arguments: list[str], typed: str
) -> None:
    add(connection, "boss@example.org")
    result = auth(database, "set-password", *arguments, typed=typed)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert value(connection, "select count(*) from lockstep.credentials") == 0


def test_rotate_keys_puts_a_new_key_first_and_needs_no_database(tmp_path: Path) -> None:
    assert auth(None, "rotate-keys", home=tmp_path).exit_code == 0
    path = tmp_path / "token-keys.json"
    (first,) = json.loads(path.read_text("utf-8"))["keys"]
    assert auth(None, "rotate-keys", home=tmp_path).exit_code == 0
    new, old = json.loads(path.read_text("utf-8"))["keys"]
    assert old == first != new
    path.chmod(0o644)
    refused = auth(None, "rotate-keys", home=tmp_path)
    assert refused.exit_code == 1
    assert "Traceback" not in refused.output
