"""A mail server that takes, refuses or is away, as a test says; and the commands that deliver to it."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from click.testing import Result

from app import create_app, mail
from app.settings import MailSettings, Settings
from tests.pairs import Connection
from tests.support import DEADLINE

RECIPIENTS = ("night@example.org", "day@example.org")


class Mailbox:
    """What the server took, and what it answers."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refusals: list[str] = []  # to the next messages, one each
        self.unknown: dict[str, str] = {}  # answers to recipients
        self.logins: list[tuple[bytes, bytes]] = []
        self.was_tls = False
        self.arrived, self.go = threading.Event(), threading.Event()
        self.go.set()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if address in self.unknown:
            return self.unknown[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.arrived.set()
        await asyncio.get_running_loop().run_in_executor(None, self.go.wait, DEADLINE)
        if self.refusals:
            return self.refusals.pop(0)
        self.was_tls = bool(session.ssl)
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content, EmailMessage, policy=policy.default))
        return "250 taken"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        good = data.password == b"right"
        # What is not handled is answered by the server: 535.
        return AuthResult(success=good, handled=good)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


class MailServer(Controller):
    """A mail server at a port that was taken before."""

    def __init__(self, handler: object, taken: socket.socket, **options: Any) -> None:
        self.taken = taken
        host, port = taken.getsockname()
        super().__init__(handler, hostname=host, port=port, ready_timeout=DEADLINE, **options)

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self.taken)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a mail server as long as for anything that should happen: a busy machine is none that is away."""
    monkeypatch.setattr(mail, "TIMEOUT", 2 * DEADLINE)


@contextmanager
def port_taken() -> Iterator[socket.socket]:
    """A port that nobody listens at, and that nobody else can take."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """The port of the mail server, whether it is there or not."""
    with port_taken() as one:
        yield one


@pytest.fixture
def nobody(taken: socket.socket) -> int:
    """The number of that port."""
    return int(taken.getsockname()[1])


@pytest.fixture
def serve(mailbox: Mailbox, taken: socket.socket) -> Iterator[Callable[..., int]]:
    """Start the mail server, at the port that was taken; it stops in the end."""
    running: list[MailServer] = []

    def serve(tls: ssl.SSLContext | None = None, **options: Any) -> int:
        server = MailServer(mailbox, taken, tls_context=tls, authenticator=mailbox.authenticate, **options)
        server.start()
        running.append(server)
        return server.port

    yield serve
    mailbox.go.set()
    for server in running:
        server.stop()


def settings_for(port: int, **options: Any) -> MailSettings:
    """Mail to this machine, without TLS unless told otherwise."""
    return MailSettings(
        **{
            "host": "127.0.0.1", "port": port, "tls": "off", "sender": "lockstep@example.org",
            "recipients": RECIPIENTS, **options,
        }
    )  # fmt: skip


@pytest.fixture
def alerts(database: str) -> Callable[..., Result]:
    """Run a command of alerts in this process: alerts(port, "deliver")."""

    def alerts(port: int | None, *arguments: str) -> Result:
        settings = Settings(dsn=database, mail=settings_for(port) if port else None)
        return create_app(settings).test_cli_runner().invoke(args=["alerts", *arguments])

    return alerts


@pytest.fixture
def incident(connection: Connection) -> int:
    """An incident that is open; its end is to be told at once, and what failed to be tried again at once."""
    connection.execute("select lockstep.change_setting('incident_quiet', '0')")
    connection.execute("select lockstep.change_setting('mail_retry_pause', '1 microsecond')")
    (found,) = connection.execute(
        "select lockstep.note_incident('lock_wait', 'PLAYER', '{\"waited\": \"250 ms\", \"by\": 17}')"
    ).fetchone() or (0,)
    return int(found)
