"""The session over HTTP in README.md prints what README.md says; see tests/docs/test_readme.py."""

import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from app import seed
from app.http.passwords import hash_password
from tests.docs.test_readme import MARK, README, SESSIONS, SHELL
from tests.http.conftest import Connection

# What differs at every run, and what it is shown as.
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")
SECONDS = re.compile(r'(?<="duration_seconds": )[0-9.]+')
REQUEST_ID = re.compile(r'(?<="request_id": ")[0-9a-f]{32}')


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_the_session_over_http_prints_what_readme_says(
    database: str, app: Flask, connection: Connection, tmp_path: Path
) -> None:
    seed.seed(database)
    plant(connection)
    commands = [line for line in SHELL.splitlines() if line.startswith("$ ")]
    login = SHELL.splitlines()[1]
    accounts = json.loads(login)
    connection.execute(
        "insert into lockstep.credentials (user_id, password_hash) select id, %s from lockstep.users where email = %s",
        [hash_password(accounts["password"]), accounts["email"]],
    )
    (tmp_path / "login.json").write_text(f"{login}\n", "utf-8")

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
        README.write_text(README.read_text("utf-8").replace(SHELL, played), "utf-8")
    else:
        assert same(played) == same(SHELL)


def plant(connection: Connection) -> None:
    """Put two pairs out of step by force, as the session before does."""
    for statement in re.findall(r"alter table user_licenses disable.*", SESSIONS[1]):
        for part in statement.split(";"):
            connection.execute(part.encode())
    connection.execute("select lockstep.arm_keys()")


def same(session: str) -> str:
    """Leave out what differs at every run."""
    for differs in (MOMENT, SECONDS, REQUEST_ID):
        session = differs.sub("…", session)
    return session


def shell(commands: list[str], folder: Path, port: int) -> str:
    """Run the commands in one shell, on another port than they say; return it as a terminal would show it."""
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
    return "\n".join(f"{command}\n{output}".rstrip() for command, output in zip(commands, outputs, strict=True))
