"""A PgBouncer of our own: transaction pooling, a bounded number of server connections."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.arena import LOGIN, PASSWORD, Arena, many_files

CONFIGURATION = """
[databases]
lockstep = host=127.0.0.1 port={server_port} dbname=lockstep

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 2000
ignore_startup_parameters = extra_float_digits,options
"""


def program() -> str | None:
    """Where PgBouncer is; None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@contextmanager
def pooler(arena: Arena, size: int) -> Iterator[str]:
    """Run PgBouncer with so many server connections, as the server's user; yields a DSN through it."""
    found = program()
    assert found is not None
    with socket.socket() as free, tempfile.TemporaryDirectory(prefix="lockstep-pooler-") as name:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
        free.close()
        folder, user = Path(name), arena.server.user
        server_port = urlsplit(arena.dsn).port
        (folder / "users.txt").write_text(f'"{LOGIN}" "{PASSWORD}"\n')
        (folder / "pgbouncer.ini").write_text(
            CONFIGURATION.format(server_port=server_port, port=port, folder=folder, size=size)
        )
        is_root = os.geteuid() == 0
        for path in (folder, *folder.iterdir()):
            if is_root:
                os.chown(path, user.pw_uid, user.pw_gid)
        process = subprocess.Popen(
            [found, "--quiet", folder / "pgbouncer.ini"],
            user=user.pw_uid if is_root else None,
            group=user.pw_gid if is_root else None,
            extra_groups=[] if is_root else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=many_files,
        )
        try:
            dsn = f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{port}/lockstep"
            _wait(dsn)
            yield dsn
        finally:
            process.terminate()
            process.wait()


def _wait(dsn: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(dsn).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
