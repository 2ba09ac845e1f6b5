"""Races and crashes over HTTP, against the application as it is served (F2 to F7)."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest

from app.settings import Settings
from tests.http.conftest import Connection, People
from tests.http.files import png, sb3
from tests.http.serving import Answer, Service, insist, multipart, served
from tests.pairs import Connect, add_users, at_once, value
from tests.support import DEADLINE, NEVER, wait_until
from tests.torture.editors import edit

AT_ONCE = 50
ROUNDS = 60

Token = Callable[[str], str]


@pytest.fixture
def service(settings: Settings, connection: Connection) -> Iterator[Service]:
    """Serve it; who waits for another waits for as long as that takes."""
    connection.execute("select lockstep.change_setting('lock_budget', %s)", [NEVER])
    with served(settings) as service:
        yield service


@pytest.fixture
def ann(service: Service, tokens: Token) -> str:
    """Ann's token, on a service that answers."""
    return tokens("ann")


def count(connection: Connection, table: str) -> int:
    found: int = value(connection, f"select count(*) from lockstep.{table}")
    return found


def test_fifty_identical_uploads_at_once_get_one_id(service: Service, ann: str, connection: Connection) -> None:
    form: dict[str, str | bytes] = {"asset": png(), "type": "costume", "format": "png"}

    upload = partial(service.ask, ann, "POST", "/api/assets/", form)
    answers: list[Answer] = at_once([partial(insist, upload)] * AT_ONCE)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["assetId"] for answer in answers}) == 1
    assert sum(answer.json["created"] for answer in answers) == 1
    assert (count(connection, "assets"), count(connection, "blobs")) == (1, 1)


def test_of_two_writers_on_one_version_exactly_one_wins(service: Service, ann: str, connection: Connection) -> None:
    made = insist(partial(service.ask, ann, "POST", "/api/projects", {"title": "T", "project_file": sb3()}))
    path = f"/api/projects/{made.json['id']}"
    with service.connect() as one, service.connect() as other:
        for version in range(1, ROUNDS + 1):
            writers = [
                partial(service.over, each, ann, "PUT", path, {"title": f"{name} {version}"}, If_Match=f'"{version}"')
                for name, each in (("one", one), ("other", other))
            ]
            answers: list[Answer] = at_once([partial(insist, write) for write in writers])
            won, lost = sorted(answers, key=lambda answer: answer.status)
            assert (won.status, lost.status) == (200, 412)
            assert lost.json["current_version"] == version + 1
            assert lost.json["current"]["title"] == won.json["title"]
    assert count(connection, "project_revisions") == ROUNDS + 1


def test_a_service_killed_in_the_middle_of_an_upload_leaves_neither_row_nor_blob(
    service: Service, ann: str, connection: Connection
) -> None:
    kind, body = multipart({"title": "T", "project_file": sb3(noise="x" * 3_000_000)})
    request = (
        f"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body) + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(request.encode() + body)
        # It has asked for the limit, so it is reading; and it waits for the last byte, which does not come.
        wait_until(connection, lambda: sessions(connection, "idle") == 1, "the service has begun to read")
        service.kill()
        # A reset tells the same as an end: something that it was sent was not read.
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""
    assert (count(connection, "projects"), count(connection, "blobs")) == (0, 0)


def test_a_service_killed_in_the_middle_of_its_transaction_leaves_neither_row_nor_blob(
    service: Service, ann: str, connection: Connection, connect: Connect
) -> None:
    content = sb3(x=1)
    holder = connect()
    holder.execute("begin")
    holder.execute("insert into lockstep.blobs (sha256, content) values (sha256(%s), %s)", [content, content])
    kind, body = multipart({"title": "T", "project_file": content})
    request = (
        f"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(request.encode() + body)
        # The upload waits for who holds the same content.
        wait_until(connection, lambda: sessions(connection, "active", "Lock") == 1, "the upload is blocked")
        service.kill()
        holder.execute("rollback")
        wait_until(connection, lambda: sessions(connection) == 0, "the server has noticed")
    assert (count(connection, "projects"), count(connection, "blobs")) == (0, 0)


def sessions(connection: Connection, state: str | None = None, waits_for: str | None = None) -> int:
    """How many sessions of the HTTP layer there are, in a state, waiting for something."""
    found: int = value(
        connection,
        "select count(*) from pg_stat_activity where datname = current_database() and usename = 'lockstep_http'"
        " and state = coalesce(%s, state) and (%s::text is null or wait_event_type = %s)"
        " and (%s <> 'idle' or query ilike '%%commit%%')",
        *(state, waits_for, waits_for, state or ""),
    )
    return found


def test_a_body_beyond_the_limit_is_refused_before_it_is_sent(
    service: Service, ann: str, people: People, connection: Connection
) -> None:
    connection.execute("select lockstep.change_setting('project_file_limit', '1000')")
    for length in ("Content-Length: 999999999", "Transfer-Encoding: chunked"):
        request = (
            f"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\n{length}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", service.port), timeout=DEADLINE) as client:
            client.sendall(request.encode())
            if "chunked" in length:
                head = b'--b\r\nContent-Disposition: form-data; name="project_file"; filename="x"\r\n\r\n'
                # It may have refused it, and be gone, before all of it was sent.
                with suppress(ConnectionResetError, BrokenPipeError):
                    for piece in (head, *[bytes(60_000)] * 3):
                        client.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_every_version_that_editors_were_answered_can_be_read_again(settings: Settings, connection: Connection) -> None:
    add_users(connection, *range(1, 17))
    ledger = edit(settings, clients=16, projects=4, seconds=1.5, at_least=17)
    assert len(ledger.acknowledged) > 16
    assert ledger.swept > 0
    assert not ledger.problems, ledger.summary()
