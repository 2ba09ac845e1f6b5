"""The service as a process of its own, as `make serve` runs it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from app.settings import PROJECT, Settings
from tests.http import unhurried
from tests.support import DEADLINE


@contextmanager
def serving(settings: Settings, log: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `serve` as a process, one worker by default; yields its address, and stops it in the end."""
    assert settings.http_dsn
    assert settings.http_admin_dsn
    told = {
        "LOCKSTEP_HOME": str(settings.home),
        "LOCKSTEP_HTTP_DSN": settings.http_dsn,
        "LOCKSTEP_HTTP_ADMIN_DSN": settings.http_admin_dsn,
        "LOCKSTEP_READ_DSN": settings.read_dsn or "",
        "LOCKSTEP_READ_LAG": str(settings.read_lag),
        "LOCKSTEP_PREPARE": str(settings.pools.prepare or "never"),
        "LOCKSTEP_PORT": "0",
        "LOCKSTEP_WORKERS": "1",
        "LOCKSTEP_POOL": "0-2",
        "LOCKSTEP_POOL_ADMIN": "0-1",
        "GUNICORN_CMD_ARGS": unhurried.ARGUMENTS,
        **environment,
    }
    with log.open("w") as file:
        run = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "serve"],
            cwd=PROJECT,
            env={**os.environ, **told},
            stderr=file,
        )
    try:
        address = None
        while run.poll() is None and not (address and _answers(address)):
            with suppress(subprocess.TimeoutExpired):
                run.wait(0.05)
            found = re.search(r"serving on (\S+)", log.read_text())
            address = found and found[1]
        yield str(address), run
    finally:
        if run.poll() is None:
            run.send_signal(signal.SIGTERM)
        run.wait()


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/healthz", timeout=DEADLINE).ok
    except requests.RequestException:
        return False
