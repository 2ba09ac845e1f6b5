"""The application as it is served: gunicorn in processes of its own, spoken to over TCP."""

import os
import select
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from json import dumps, loads
from pathlib import Path
from typing import Any

from app.settings import Settings
from tests.http.running import serving
from tests.support import DEADLINE

Form = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return loads(self.content)


@dataclass(frozen=True)
class Service:
    """A running gunicorn."""

    port: int
    process: "subprocess.Popen[bytes]"

    @contextmanager
    def connect(self) -> Iterator[HTTPConnection]:
        """A connection that is kept for several requests."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)) as connection:
            yield connection

    def ask(self, token: str, method: str, path: str, form: Form | None = None, **headers: str) -> Answer:
        """Make a request over a connection of its own; see over()."""
        with self.connect() as connection:
            return self.over(connection, token, method, path, form, **headers)

    def over(
        self,
        connection: HTTPConnection,
        token: str,
        method: str,
        path: str,
        form: Form | None = None,
        json: object = None,
        **headers: str,
    ) -> Answer:
        """Make a request; bytes in a form go as a file. Underscores of a header's name are hyphens."""
        sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        body: bytes | str | None = None
        if form is not None:
            kind, body = multipart(form)
            sent["Content-Type"] = kind
        elif json is not None:
            sent["Content-Type"], body = "application/json", dumps(json)
        reopen_if_over(connection)
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read())

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii")
        return [int(pid) for pid in children.split()]

    def kill(self) -> None:
        """End every process of it at once, as a machine that loses its power would."""
        self.process.send_signal(signal.SIGSTOP)  # or it would start another worker
        for pid in (*self.workers(), self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def reopen_if_over(connection: HTTPConnection) -> None:
    """Begin a connection anew that the service has closed: it keeps one that is silent for some seconds only."""
    if connection.sock and select.select([connection.sock], [], [], 0)[0]:
        connection.close()


def insist(ask: Callable[[], Answer]) -> Answer:
    """Make a request, and make it again where the service did nothing and says so: how long it is busy is not asked."""
    while True:
        answer = ask()
        if answer.status != 503 or answer.json["error_type"] != "retry":
            return answer


@contextmanager
def served(settings: Settings, workers: int = 1) -> Iterator[Service]:
    """Serve the application with these settings, until the block is left."""
    told = {"LOCKSTEP_WORKERS": str(workers), "LOCKSTEP_POOL": "10-30", "LOCKSTEP_POOL_WAITING": "100"}
    with serving(settings, settings.home / "service.log", **told) as (address, process):
        yield Service(int(address.rpartition(":")[2]), process)


def multipart(form: Form) -> tuple[str, bytes]:
    """Write a form as browsers do; return its content type and its bytes."""
    boundary = uuid.uuid4().hex
    parts = []
    for name, field in form.items():
        file = '; filename="upload"\r\nContent-Type: application/octet-stream' if isinstance(field, bytes) else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        parts.append(head.encode() + (field if isinstance(field, bytes) else field.encode()) + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()
