"""The session over HTTP in README.md prints what README.md says; see tests/docs/test_readme.py."""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from app import seed
from app.http.passwords import hash_password
from tests.docs.test_readme import MARK, README, SESSIONS, SHELLS
from tests.http.conftest import Connection
from tests.http.files import png, sb3
from tests.pairs import value

# What differs at every run, and what it is shown as.
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)")
SECONDS = re.compile(r'(?<="duration_seconds": )[0-9.]+')
REQUEST_ID = re.compile(r'(?<="request_id": ")[0-9a-f]{32}')


@pytest.mark.needs_program("curl")
def test_the_session_over_http_prints_what_readme_says(
    database: str, app: Flask, connection: Connection, tmp_path: Path
) -> None:
    seed.seed(database)
    plant(connection)
    # One shell for all of them: the second goes on with the token of the first.
    commands = [line for session in SHELLS for line in session.splitlines() if line.startswith("$ ")]
    login = SHELLS[0].splitlines()[1]
    accounts = json.loads(login)
    user = value(connection, "select id from lockstep.users where email = %s", accounts["email"])
    connection.execute(
        "insert into lockstep.credentials (user_id, password_hash) values (%s, %s)",
        [user, hash_password(accounts["password"])],
    )
    (tmp_path / "login.json").write_text(f"{login}\n", "utf-8")
    (tmp_path / "test.sb3").write_bytes(sb3())
    (tmp_path / "sprite.png").write_bytes(png())

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        played = shell(commands, tmp_path, server.port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    if os.environ.get("LOCKSTEP_WRITE"):
        text = README.read_text("utf-8")
        for session in SHELLS:
            (start, end) = (commands.index(line) for line in (session.splitlines()[0], last(session)))
            text = text.replace(session, "\n".join(played[start : end + 1]))
        README.write_text(text, "utf-8")
    else:
        assert same("\n".join(played)) == same("\n".join(SHELLS))


def plant(connection: Connection) -> None:
    """Put two pairs out of step by force, as the session before does."""
    for statement in re.findall(r"alter table user_licenses disable.*", SESSIONS[1]):
        for part in statement.split(";"):
            connection.execute(part.encode())
    connection.execute("select lockstep.arm_keys()")


def last(session: str) -> str:
    """The last command of a session."""
    return [line for line in session.splitlines() if line.startswith("$ ")][-1]


def same(session: str) -> str:
    """Leave out what differs at every run."""
    for differs in (MOMENT, SECONDS, REQUEST_ID):
        session = differs.sub("…", session)
    return session


def shell(commands: list[str], folder: Path, port: int) -> list[str]:
    """Run the commands in one shell, on another port than they say; return each as a terminal would show it."""
    script = "\n".join(
        line
        for command in commands
        for line in (f"echo '{MARK}'", command.removeprefix("$ ").replace("localhost:8000", f"127.0.0.1:{port}"))
    )
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    outputs = done.stdout.split(f"{MARK}\n")[1:]
    return [f"{command}\n{output}".rstrip() for command, output in zip(commands, outputs, strict=True)]
