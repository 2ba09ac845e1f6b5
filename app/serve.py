"""The service as a process: gunicorn over the application, in production form."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

from app.settings import PROJECT, ServiceSettings

CONFIGURATION = Path(__file__).with_name("gunicorn.py")

# In the environment of a service: who started it and takes it along, and that the database goes with it.
PARENT = "LOCKSTEP_PARENT"
STARTED_SERVER = "LOCKSTEP_STARTED_SERVER"

# Seconds until a service answers, and until it has ended: more than gunicorn's graceful_timeout. Both take
# a few, but for a machine that is very busy.
START_LIMIT = 120.0
STOP_LIMIT = 60.0


class ServeError(Exception):
    """The service cannot be started; the message says why and what to do."""


def listen(service: ServiceSettings) -> socket.socket:
    """Take the address that is to be served on. Raises ServeError where somebody else has it."""
    family = socket.AF_INET6 if ":" in service.bind else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((service.bind, service.port))
    except OSError as error:
        listener.close()
        where = f"{service.bind} port {service.port}"
        raise ServeError(f"{where}: {error.strerror}; set LOCKSTEP_PORT or LOCKSTEP_BIND to another") from error
    return listener


def url(listener: socket.socket) -> str:
    """Say where a browser on this machine finds the service."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def replace_process(listener: socket.socket) -> NoReturn:
    """Become gunicorn, so that a supervisor talks to it and to nobody between."""
    listener.set_inheritable(True)
    os.chdir(PROJECT)
    os.execve(sys.executable, _command(listener), _environment())


class Service:
    """A service that this process started, and stops."""

    def __init__(self, listener: socket.socket, dsns: tuple[str, str], schema: str, stop_server: bool) -> None:
        """Start it on the address taken.

        dsns         of the logins, for everybody and for admins
        schema       the school
        stop_server  whether the embedded server goes too, where this process is killed
        """
        self.url = url(listener)
        everybody, admins = dsns
        given = {
            "LOCKSTEP_HTTP_DSN": everybody,
            "LOCKSTEP_HTTP_ADMIN_DSN": admins,
            "LOCKSTEP_SCHEMA": schema,
            PARENT: str(os.getpid()),
        }
        if stop_server:
            given[STARTED_SERVER] = "1"
        self.process = subprocess.Popen(
            _command(listener),
            cwd=PROJECT,
            env=_environment() | given,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            # Ctrl-C is for this process, which then stops the other.
            start_new_session=True,
        )
        listener.close()

    def wait_until_it_answers(self) -> None:
        """Return once /healthz answers. Raises ServeError where it does not come up."""
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if not self.is_running():
                raise ServeError("the service did not start: see above")
            if time.monotonic() > deadline:
                raise ServeError(f"the service does not answer after {START_LIMIT:.0f} seconds")
            time.sleep(0.05)

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Let requests under way end, and the service with them."""
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _command(listener: socket.socket) -> list[str]:
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(CONFIGURATION)]
    return [*gunicorn, "--bind", f"fd://{listener.fileno()}", "app:create_app()"]


def _environment() -> dict[str, str]:
    """What the service is told: not the owner's login, which it has no use for, nor another service's figures."""
    hidden = {"LOCKSTEP_DSN", "PROMETHEUS_MULTIPROC_DIR", PARENT, STARTED_SERVER}
    return {name: value for name, value in os.environ.items() if name not in hidden}
