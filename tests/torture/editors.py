"""Editors: many clients editing few projects over HTTP, and then every acknowledged version is read again.

    python -m tests.torture.editors --clients 100 --projects 20 --seconds 60

Clients write with the version that they saw, on an old one with a merge, and without any; they bring
versions back, copy, delete and restore, while contents that nothing refers to are swept. What a client
was answered is written down. In the end each of these versions is asked for, with its file: title,
content and number are what was answered, no number was given twice, none is missing between, and the
server has seen no deadlock. It exits with 1 if anything of this does not hold.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psycopg

from app import logins
from app.http.tokens import Tokens
from app.settings import Settings
from tests.http.files import sb3
from tests.http.serving import Answer, Form, Service, insist, served
from tests.pairs import at_once
from tests.support import SERVER_SETTINGS, folder_for_servers
from tests.torture.scratch import Connection, build, deadlocks, number, scratch_server

# Shares of what a client does, in percent.
WORK = {"put": 30, "merge": 25, "blind": 25, "back": 8, "copy": 4, "delete": 4, "read": 4}


READERS = 8


@dataclass
class Ledger:
    """What was answered."""

    acknowledged: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    unanswered: int = 0
    swept: int = 0
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One line of figures."""
        refused = {
            status: sum(n for (_, found), n in self.statuses.items() if found == status) for status in (404, 412)
        }
        return (
            f"editors: {sum(self.statuses.values())} requests, {len(self.acknowledged)} versions acknowledged,"
            f" {refused[412]} conflicts told, {refused[404]} met a deleted project, {self.swept} contents swept,"
            f" {sum(n for (_, status), n in self.statuses.items() if status == 503)} told to retry,"
            f" {self.unanswered} unanswered, {len(self.problems)} problems"
        )


@dataclass(frozen=True)
class Editor:
    """A client with a connection, a token and a mind of its own."""

    service: Service
    token: str
    projects: Sequence[int]
    ledger: Ledger
    seed: int

    def work(self, end: float, at_least: int) -> None:
        """Edit until the end, and until so many versions were acknowledged."""
        mind = random.Random(self.seed)
        with self.service.connect() as connection:
            while time.monotonic() < end or len(self.ledger.acknowledged) < at_least:
                (kind,) = mind.choices(list(WORK), list(WORK.values()))
                try:
                    self.step(connection, mind, kind)
                except (OSError, HTTPException):
                    self.ledger.unanswered += 1
                    connection.close()

    def step(self, connection: Any, mind: random.Random, kind: str) -> None:
        """Look at a project, and do one thing with it."""
        path = f"/api/projects/{mind.choice(self.projects)}"
        ask = partial(self.service.over, connection, self.token)
        seen = self.note("read", ask("GET", path))
        if seen.status == 404:
            self.note("restore", ask("POST", f"{path}/restore"))
        if seen.status != 200:
            return
        etag = seen.headers.get("ETag", "")
        title = f"{self.seed} {mind.random()}"
        form: Form = {"title": title} if mind.random() < 0.5 else {"project_file": sb3(by=title)}
        if kind == "put":
            self.note(kind, ask("PUT", path, form, If_Match=etag), form)
        elif kind == "merge":
            self.note(kind, ask("PUT", f"{path}?merge=true", form, If_Match=f'"{max(1, int(etag[1:-1]) - 1)}"'), form)
        elif kind == "blind":
            self.note(kind, ask("PUT", path, form), form)
        elif kind == "back":
            version = mind.randint(1, int(etag[1:-1]))
            self.note(kind, ask("POST", f"{path}/restore", json={"version": version}, If_Match=etag))
        elif kind == "copy":
            self.note(kind, ask("POST", f"{path}/copy"))
        elif kind == "delete":
            self.note(kind, ask("DELETE", path, If_Match=etag))
            self.note("restore", ask("POST", f"{path}/restore"))

    def note(self, kind: str, answer: Answer, form: Form | None = None) -> Answer:
        """Write down what was answered, and check what can be checked at once."""
        self.ledger.statuses[kind, answer.status] += 1
        if answer.status not in (200, 201, 204, 404, 412, 503):
            self.ledger.problems.append(f"{kind}: {answer.status} {answer.content[:300]!r}")
        if answer.status in (200, 201) and kind != "read":
            project = answer.json
            self.ledger.acknowledged.append((kind, project))
            given = form or {}
            if "title" in given and project["title"] != given["title"]:
                self.ledger.problems.append(f"{kind}: another title than was sent")
            file = given.get("project_file")
            if isinstance(file, bytes) and project["file_sha256"] != sha256(file).hexdigest():
                self.ledger.problems.append(f"{kind}: another file than was sent")
        return answer


def edit(settings: Settings, clients: int, projects: int, seconds: float, at_least: int = 1) -> Ledger:
    """Let clients edit projects of users 1 to n, as many as there are projects; return what came of it.

    at_least: versions that are to be acknowledged, however long that takes
    """
    assert settings.dsn
    ledger = Ledger()
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        tokens = [_token(connection, settings, user) for user in range(1, clients + 1)]
        with served(settings, workers=2) as service:
            ids = [_shared_project(connection, owner, clients) for owner in range(1, projects + 1)]
            before = deadlocks(connection)
            end = time.monotonic() + seconds
            going = threading.Event()
            sweeper = threading.Thread(target=_sweep, args=(settings.dsn, going, ledger))
            sweeper.start()
            try:
                editors = [Editor(service, token, ids, ledger, seed) for seed, token in enumerate(tokens)]
                at_once([partial(editor.work, end, at_least) for editor in editors])
            finally:
                going.set()
                sweeper.join()
            _check(service, tokens, ledger)
        ledger.problems += _state(connection, deadlocks(connection) - before)
    return ledger


def _token(connection: Connection, settings: Settings, user: int) -> str:
    row = connection.execute(
        "insert into lockstep.sessions (user_id, expires_at) values (%s, now() + interval '1 day') returning id", [user]
    ).fetchone()
    assert row is not None
    return Tokens(settings.token_keys).issue(user, row[0], "student")


def _shared_project(connection: Connection, owner: int, clients: int) -> int:
    """A project that every client may do everything with."""
    made = number(connection, "select (lockstep.create_project(%s, 'T', %s, 'a.sb3')).id", owner, sb3(owner=owner))
    connection.execute(
        "select lockstep.share_project(%s, %s, 'ADMIN', p_user_id => n) from generate_series(1, %s) as n where n <> %s",
        [owner, made, clients, owner],
    )
    return made


def _sweep(dsn: str, done: threading.Event, ledger: Ledger) -> None:
    """Make contents that nothing refers to, the same that somebody may be storing, and sweep."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not (done.wait(0.05) and ledger.swept):
            content = sb3(owner=random.randint(1, 40))
            connection.execute(
                "insert into lockstep.blobs (sha256, content) values (sha256(%s), %s) on conflict do nothing",
                [content, content],
            )
            ledger.swept += number(connection, "select lockstep.sweep_blobs()")


def _check(service: Service, tokens: Sequence[str], ledger: Ledger) -> None:
    """Ask for every version that was acknowledged, with its file."""
    # Restoring what another has restored already makes no version.
    given = Counter((one["id"], one["version"]) for kind, one in ledger.acknowledged if kind != "restore")
    ledger.problems += [f"{key}: acknowledged {n} times" for key, n in given.items() if n > 1]

    def read(part: int) -> list[str]:
        with service.connect() as connection:
            read = (_reread(service, connection, tokens, one) for _, one in ledger.acknowledged[part::READERS])
            return [problem for problem in read if problem]

    for found in at_once([partial(read, part) for part in range(READERS)]):
        ledger.problems += found


def _reread(service: Service, connection: Any, tokens: Sequence[str], project: dict[str, Any]) -> str | None:
    path = f"/api/projects/{project['id']}/revisions/{project['version']}"
    token = tokens[project["user_id"] - 1]
    revision, file = (
        insist(partial(service.over, connection, token, "GET", place)) for place in (path, f"{path}/file")
    )
    if (revision.status, file.status) != (200, 200):
        return f"{path}: {revision.status} {file.status}"
    same = all(revision.json[name] == project[name] for name in ("title", "description", "file_sha256", "file_name"))
    if not same or sha256(file.content).hexdigest() != project["file_sha256"]:
        return f"{path}: is not what was acknowledged"
    return None


GAPS = """
select count(*)
from lockstep.projects as project
where project.version <> (
    select count(*) from lockstep.project_revisions as revision
    where revision.user_id = project.user_id and revision.project_id = project.id
)
"""


def _state(connection: Connection, deadlocks_seen: int) -> list[str]:
    counted = {
        "deadlocks": deadlocks_seen,
        "projects with a version missing": number(connection, GAPS),
        "versions without their content": number(
            connection,
            "select count(*) from lockstep.project_revisions as revision"
            " where not exists (select from lockstep.blobs where blobs.sha256 = revision.file_sha256)",
        ),
    }
    return [f"{count} {what}" for what, count in counted.items() if count]


def main() -> int:
    """Run as told on the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Edit projects from many clients, and read every version again.")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--projects", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    told = parser.parse_args()
    settings = SERVER_SETTINGS | {"max_connections": "200"}
    with scratch_server(folder_for_servers(), settings) as server, tempfile.TemporaryDirectory() as home:
        dsn = build(server, told.clients)
        http, admin = logins.ensure(dsn, Path(home) / "logins.json")
        here = Settings(home=Path(home), dsn=dsn, http_dsn=http, http_admin_dsn=admin)
        ledger = edit(here, told.clients, told.projects, told.seconds)
    print(ledger.summary(), *ledger.problems[:20], sep="\n")
    print({f"{kind} {status}": n for (kind, status), n in sorted(ledger.statuses.items())})
    return 1 if ledger.problems else 0


if __name__ == "__main__":
    sys.exit(main())
